"""After a text was handed over: resolve unclear ones, cancel, ask for news, sweep for orphans.

Each public action reads, asks Twilio with no transaction open, and writes what it learnt.
"""

from collections.abc import Collection

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions.outbox import DONE, move, note
from reminder_site.actions.receipts import apply_status, standing
from reminder_site.actions.sought import Sought, awaited, look_up, matches, owned, same_text
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import GIVE_UP_MINUTES, POLL_AFTER_SECONDS, SWEEP_ORPHANS_MINUTES, Pace
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Message
from reminder_site.queries.throttle import throttle

NOT_CANCELABLE, NOT_FOUND = 30409, 20404
READS_TO_PROVE_ABSENCE = 2
SWEPT = frozenset({states.SCHEDULED, states.CANCELLED, states.SUPPRESSED})
POLLED = frozenset({states.SCHEDULED, states.ACCEPTED, states.SENT})


def resolve(*, message_id: int, sms: Sms, quiet: bool, pace: Pace, now: pendulum.DateTime) -> None:
    """Find out whether an unclear text exists: adopt it, or prove twice that it does not, or park it.

    `quiet` says that the resolver's own stopwatch, too, has seen the quiescence pass since the intent; without it the
    look is put off, whatever the wall clock says.
    """
    reach("before_resolve")
    with transaction() as session:
        sought = _seek(session, message_id, quiet, pace, now)
    if sought is None:
        return
    try:
        listed = sms.list_to(sought.to)
    except SmsError as error:
        _look_again(sought, str(error), now)
        return
    reach("after_list")
    others: list[Remote] = []
    with transaction() as session:
        found = [r for r in listed if matches(r, sought) and not owned(session, r.sid, besides=message_id)]
        if found:
            others = _adopt_oldest(session, sought, found, now)
        else:
            _count_absence(session, sought, pace, now)
        reach("in_adoption" if found else "in_absence")
    reach("after_adoption" if found else "after_absence")
    for twin in others:
        _cancel_stranger(message_id, twin.sid, sms, now)


def cancel(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Ask Twilio to cancel a scheduled text; say "cancelled" only when Twilio does, else the truth."""
    sid = db.session.scalar(select(Message.sid).where(Message.id == message_id, Message.state == states.CANCELLING))
    db.session.rollback()
    if sid is None:
        return
    reach("before_cancel")
    try:
        sms.cancel(sid)
        status, code = "canceled", None
    except SmsError as error:
        status, code = _after_refusal(message_id, sid, sms, error, now)
    reach("after_cancel")
    if not status:
        return
    with transaction() as session:
        apply_status(session, standing(session, message_id), status, code, by=WORKER, now=now)


def poll(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Ask Twilio how a text is, when its callbacks may have been lost; after the last time leave it as it is."""
    asked = select(Message.sid, Message.send_at, Message.ever_unknown).where(Message.id == message_id)
    row = db.session.execute(asked).one()
    db.session.rollback()
    reach("before_poll")
    try:
        remote = sms.fetch(row.sid) if row.sid else None
    except SmsError:
        _postpone(message_id, POLLED, now.add(seconds=60))
        return
    reach("after_poll")
    with transaction() as session:
        polls = (session.scalar(select(Message.polls).where(Message.id == message_id)) or 0) + 1
        ends = polls >= len(POLL_AFTER_SECONDS)
        wait = None if ends else max(row.send_at.add(seconds=POLL_AFTER_SECONDS[polls]), now.add(seconds=60))
        sweep_at = row.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES)
        wait = sweep_at if row.ever_unknown and now < sweep_at else wait
        later = {"polls": polls, "next_action_at": wait, "lease_until": None}
        session.execute(update(Message).where(Message.id == message_id, Message.state.in_(POLLED)).values(**later))
        if remote is not None:
            apply_status(session, standing(session, message_id), remote.status, remote.error_code, by=WORKER, now=now)
        elif row.sid:
            words = "Twilio does not know this text"
            move(session, message_id, {states.SCHEDULED}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)
        state = session.scalar(select(Message.state).where(Message.id == message_id)) or ""
        if ends and state in POLLED:
            note(session, message_id, state, "no receipt came within 72 hours", WORKER, now)


def sweep_orphans(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Before a text that was once unclear is sent, or would have been, cancel any twin that we do not know as ours.

    It counts as done only at the end: what a worker leaves half-way is done anew by the next.
    """
    session = db.session()
    sought = look_up(session, message_id)
    lease = session.scalar(select(Message.lease_until).where(Message.id == message_id))
    session.rollback()
    reach("before_sweep")
    try:
        listed = sms.list_to(sought.to) if sought else []
    except SmsError:
        _postpone(message_id, SWEPT, now.add(seconds=60), ever_unknown=True)
        return
    reach("after_sweep_list")
    twins = [r.sid for r in listed if sought and r.status == "scheduled" and same_text(r, sought)]
    own = session.scalar(select(Message.sid).where(Message.id == message_id))
    strangers = [sid for sid in twins if sid != own and not owned(session, sid, besides=message_id)]
    too_early = bool(strangers) and awaited(session, message_id)
    session.rollback()
    if not too_early and all([_cancel_stranger(message_id, sid, sms, now) for sid in strangers]):
        _swept(message_id, lease, now)
    else:
        _postpone(message_id, SWEPT, now.add(seconds=60), ever_unknown=True)


@retried
def _swept(message_id: int, lease: pendulum.DateTime | None, now: pendulum.DateTime) -> None:
    """Note that no twin is left, unless there was news of the message meanwhile: that is for the next look."""
    with transaction() as session:
        mine = Message.id == message_id, Message.lease_until.is_not_distinct_from(lease)
        row = session.execute(select(Message.send_at, Message.state).where(*mine).with_for_update()).first()
        if row is None or row.state not in SWEPT:
            return
        poll_at = row.send_at.add(seconds=POLL_AFTER_SECONDS[0]) if row.state == states.SCHEDULED else None
        done = {"ever_unknown": False, "lease_until": None, "next_action_at": poll_at}
        session.execute(update(Message).where(Message.id == message_id).values(**done))


def _seek(session: Session, message_id: int, quiet: bool, pace: Pace, now: pendulum.DateTime) -> Sought | None:
    sought = look_up(session, message_id)
    if sought is None:
        return None
    words = "no answer came back: checking with Twilio whether it took the text"
    known = {"ever_unknown": True}
    move(session, message_id, {states.SUBMITTING}, states.UNKNOWN, words=words, by=WORKER, now=now, **known)
    ready_at = sought.intent_at.add(microseconds=int(pace.first_look_seconds * 1e6))
    if quiet and now >= ready_at:
        return sought
    wait = max(ready_at, now.add(microseconds=int(pace.second_look_seconds * 1e6)))
    still_unclear = Message.id == message_id, Message.state.in_(states.IN_FLIGHT)
    session.execute(update(Message).where(*still_unclear).values(next_action_at=wait, lease_until=None))
    return None


def _adopt_oldest(session: Session, sought: Sought, found: list[Remote], now: pendulum.DateTime) -> list[Remote]:
    """Adopt a text found at Twilio, the one already known as ours if there is one; return its twins."""
    known = session.scalar(select(Message.sid).where(Message.id == sought.message_id).with_for_update())
    oldest, *others = sorted(found, key=lambda r: (r.sid != known, r.created_at, r.sid))
    note(session, sought.message_id, states.UNKNOWN, "found at Twilio: it had been taken", WORKER, now)
    row = standing(session, sought.message_id)
    apply_status(session, row, oldest.status, oldest.error_code, sid=oldest.sid, by=WORKER, now=now)
    if others:
        words = f"Twilio holds {len(others)} more of the same text: they are cancelled before they leave"
        note(session, sought.message_id, states.UNKNOWN, words, WORKER, now)
    return others


def _count_absence(session: Session, sought: Sought, pace: Pace, now: pendulum.DateTime) -> None:
    """Count one reading without the text; of readers that overtook one another, or an attempt, one counts."""
    same_reading = (
        Message.id == sought.message_id,
        Message.state == states.UNKNOWN,
        Message.attempt_no == sought.attempt_no,
        Message.absent_reads == sought.absent_reads,
        Message.sid.is_(None),
    )
    if session.scalar(select(Message.id).where(*same_reading).with_for_update()) is None:
        return
    reads = sought.absent_reads + 1
    if reads < READS_TO_PROVE_ABSENCE:
        again = {"next_action_at": now.add(microseconds=int(pace.second_look_seconds * 1e6)), "lease_until": None}
        session.execute(update(Message).where(Message.id == sought.message_id).values(absent_reads=reads, **again))
        return
    words = "proved not to be at Twilio, twice: it is tried again"
    back = {"next_action_at": now, "lease_until": None, "absent_reads": reads}
    move(session, sought.message_id, {states.UNKNOWN}, states.PENDING, words=words, by=WORKER, now=now, **back)


@retried
def _look_again(sought: Sought, words: str, now: pendulum.DateTime) -> None:
    with transaction() as session:
        useful_until = session.scalar(select(Message.useful_until).where(Message.id == sought.message_id))
        silent = throttle().down_since is not None  # nobody could say more than that: worth waiting for
        too_long = now > sought.intent_at.add(minutes=GIVE_UP_MINUTES) and not silent
        if too_long or (useful_until and now >= useful_until):
            parked = f"could not be cleared up with Twilio: {words}"
            move(session, sought.message_id, {states.UNKNOWN}, states.NEEDS_REVIEW, words=parked, by=WORKER, now=now,
                 **DONE)  # fmt: skip
            return
    _postpone(sought.message_id, {states.UNKNOWN}, now.add(seconds=60))


def _after_refusal(
    message_id: int, sid: str, sms: Sms, error: SmsError, now: pendulum.DateTime
) -> tuple[str, int | None]:
    """Find out where a text stands that Twilio would not cancel; empty when that is to be tried again."""
    if error.code == NOT_FOUND:
        with transaction() as session:
            words = "Twilio does not know this text"
            move(session, message_id, {states.CANCELLING}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)
        return "", None
    if error.code == NOT_CANCELABLE:
        try:
            remote = sms.fetch(sid)
        except SmsError:
            remote = None
        if remote is not None and remote.status != "scheduled":
            return remote.status, remote.error_code
    _postpone(message_id, {states.CANCELLING}, now.add(seconds=60 if error.permanent else 5))
    return "", None


@retried
def _postpone(message_id: int, sources: Collection[str], until: pendulum.DateTime, **changes: object) -> None:
    """Look again later, unless the message has gone elsewhere meanwhile: a cancel that came in must not wait."""
    with transaction() as session:
        later = {"next_action_at": until, "lease_until": None, **changes}
        session.execute(update(Message).where(Message.id == message_id, Message.state.in_(sources)).values(**later))


def _cancel_stranger(message_id: int, sid: str, sms: Sms, now: pendulum.DateTime) -> bool:
    """Cancel a second copy at Twilio; False when that is to be tried again."""
    again = False
    reach("before_twin")
    try:
        sms.cancel(sid)
        words = f"cancelled a second copy at Twilio ({sid})"
    except SmsError as error:
        again = not error.permanent
        words = f"a second copy at Twilio ({sid}) could not be cancelled: {error}"
    reach("after_twin")
    with transaction() as session:
        state = session.scalar(select(Message.state).where(Message.id == message_id)) or states.SCHEDULED
        note(session, message_id, state, words, WORKER, now)
    return not again
