"""Second copies of a text at Twilio, of which only one is known here: found and cancelled before they would be sent."""

import pendulum
from sqlalchemy import select, update

from reminder_site.actions import throttling
from reminder_site.actions.outbox import note
from reminder_site.actions.sought import awaited, look_up, matches, owned
from reminder_site.db import db, retried, transaction
from reminder_site.domain import looks
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Sms, SmsError
from reminder_site.models import Message

SWEPT = frozenset({states.SCHEDULED, states.CANCELLED, states.SUPPRESSED})
LOOKED_FOR_MINUTES = 10  # after its time a text that was scheduled has left


def sweep_orphans(*, message_id: int, sms: Sms, now: pendulum.DateTime) -> None:
    """Before a text that was once unclear is sent, or would have been, cancel any twin that we do not know as ours.

    A twin has been made by one of this message's own attempts. It counts as done only at the end: what a worker leaves
    half-way is done anew by the next.
    """
    session = db.session()
    sought = look_up(session, message_id)
    seen = session.execute(select(Message.lease_until, Message.failures).where(Message.id == message_id)).one()
    session.rollback()
    reach("before_sweep")
    try:
        listed = sms.list_to(sought.to) if sought else []
    except SmsError as error:
        throttling.heed(error, now=now)
        at = looks.error_at(seen.failures, now, retry_after_seconds=error.retry_after_seconds)
        _sweep_again(message_id, at, seen.failures + 1, now)
        return
    reach("after_sweep_list")
    own = session.scalar(select(Message.sid).where(Message.id == message_id))
    twins = [r.sid for r in listed if sought and r.status == "scheduled" and r.sid != own and matches(r, sought)]
    strangers = [sid for sid in twins if not owned(session, sid, besides=message_id)]
    too_early = bool(strangers) and awaited(session, message_id, now)
    session.rollback()
    if not too_early and all([cancel_twin(message_id, sid, sms, now) for sid in strangers]):
        _swept(message_id, seen.lease_until, now)
    else:
        _sweep_again(message_id, now.add(seconds=60), 0, now)


def cancel_twin(message_id: int, sid: str, sms: Sms, now: pendulum.DateTime) -> bool:
    """Cancel a second copy at Twilio; False when that is to be tried again."""
    again = False
    reach("before_twin")
    try:
        sms.cancel(sid)
        words = f"cancelled a second copy at Twilio ({sid})"
    except SmsError as error:
        throttling.heed(error, now=now)
        again = not error.permanent
        words = f"a second copy at Twilio ({sid}) could not be cancelled: {error}"
    reach("after_twin")
    _tell(message_id, words, now)
    return not again


@retried
def _tell(message_id: int, words: str, now: pendulum.DateTime) -> None:
    with transaction() as session:
        state = session.scalar(select(Message.state).where(Message.id == message_id)) or states.SCHEDULED
        note(session, message_id, state, words, WORKER, now)


@retried
def _swept(message_id: int, lease: pendulum.DateTime | None, now: pendulum.DateTime) -> None:
    """Note that no twin is left, unless there was news of the message meanwhile: that is for the next look."""
    with transaction() as session:
        mine = Message.id == message_id, Message.lease_until.is_not_distinct_from(lease)
        asked = select(Message.send_at, Message.state).where(*mine)
        row = session.execute(asked.with_for_update(key_share=True)).first()
        if row is None or row.state not in SWEPT:
            return
        poll_at = looks.first_news_at(row.send_at, now) if row.state == states.SCHEDULED else None
        done = {"ever_unknown": False, "lease_until": None, "next_action_at": poll_at, "failures": 0}
        session.execute(update(Message).where(Message.id == message_id).values(**done))


@retried
def _sweep_again(message_id: int, at: pendulum.DateTime, failures: int, now: pendulum.DateTime) -> None:
    """Look again later; once its time is over a twin has left as well, and only its own text is asked after."""
    with transaction() as session:
        mine = Message.id == message_id, Message.state.in_(SWEPT)
        asked = select(Message.send_at, Message.state).where(*mine)
        row = session.execute(asked.with_for_update(key_share=True)).first()
        if row is None:
            return
        later = {"next_action_at": at, "lease_until": None, "ever_unknown": True, "failures": failures}
        if now >= row.send_at.add(minutes=LOOKED_FOR_MINUTES):
            poll_at = looks.first_news_at(row.send_at, now) if row.state == states.SCHEDULED else None
            later |= {"next_action_at": poll_at, "ever_unknown": False, "failures": 0}
        session.execute(update(Message).where(Message.id == message_id).values(**later))
