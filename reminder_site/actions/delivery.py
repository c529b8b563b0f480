"""What came back from handing a text over: recorded, whatever it was. The call itself is the worker's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import heart, learning, sender_pauses
from reminder_site.actions.intents import Intent
from reminder_site.actions.outbox import DONE, move, note, rows
from reminder_site.actions.receipts import apply_status, standing_of
from reminder_site.db import db, give_way, retried, transaction
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import SWEEP_ORPHANS_MINUTES, Outcome, Pace, backoff_seconds
from reminder_site.domain.looks import doubled
from reminder_site.failpoints import reach
from reminder_site.models import Attempt, Message

GIVE_UP_FAILURES = 5
STUMBLE_FIRST_SECONDS, STUMBLE_LONGEST_SECONDS = 5, 3600
TEACHES = frozenset({"suppress", "bad_number"})  # something about the number: kept first, and by itself
ATTEMPTS = Attempt.metadata.tables["attempt"]
THIS_ATTEMPT = ATTEMPTS.c.message_id == bindparam("of_message"), ATTEMPTS.c.attempt_no == bindparam("of_attempt")
ANSWERS = ("outcome", "outcome_at", "sid", "request_id", "http_status", "code")
ANSWERED = ATTEMPTS.update().where(*THIS_ATTEMPT, ATTEMPTS.c.outcome == "")
ANSWERED = ANSWERED.values({name: bindparam(name) for name in ANSWERS})


@dataclass(frozen=True)
class Answer:
    """What came back from one attempt, and when (UTC); `jitter` from -1 to 1 spreads the next one."""

    intent: Intent
    outcome: Outcome
    at: pendulum.DateTime
    jitter: float = 0.0


def record(*, answers: Sequence[Answer], pace: Pace) -> list[Answer]:
    """Write down what came back from some attempts, in one transaction; a late or doubled record changes nothing.

    The attempts are of different texts. Several at once wait for nobody for long: what somebody else works on is
    returned, to be recorded by itself, and so is what tells something about a number.
    """
    reach("before_record")
    if len(answers) == 1:
        _learn_first(answers[0])
        written = _write(answers, pace)
    else:
        written = _write([each for each in answers if each.outcome.next not in TEACHES], pace)
    reach("after_record")
    return [answer for answer in answers if answer.intent.message_id not in written]


@retried
def stumble(*, message_id: int, words: str, now: pendulum.DateTime) -> None:
    """Note that looking at a message went wrong, and look again later: after 5 s, doubled up to an hour.

    After five times a text that Twilio does not have is parked for a person and the queue moves on. What Twilio has is
    shown to a person then, what may be on the wire goes on being cleared up, and neither is ever given up. A message
    that was settled meanwhile, by a receipt say, has no next look and gets none.
    """
    with transaction() as session:
        open_still = Message.id == message_id, Message.next_action_at.is_not(None)
        row = session.execute(
            select(Message.failures, Message.state, Message.ever_unknown, Message.absent_reads)
            .where(*open_still)
            .with_for_update(key_share=True)
        ).first()
        if row is None:
            return
        wait = doubled(row.failures, first_seconds=STUMBLE_FIRST_SECONDS, longest_seconds=STUMBLE_LONGEST_SECONDS)
        again = {"failures": row.failures + 1, "lease_until": None, "next_action_at": now.add(seconds=wait)}
        if row.failures + 1 >= GIVE_UP_FAILURES and row.state in PARKED_FROM:
            proved_absent = row.absent_reads >= 2
            if row.state in states.HELD_HERE and (proved_absent or not row.ever_unknown):
                again |= DONE
            move(session, message_id, {row.state}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **again)
        else:
            session.execute(update(Message).where(*open_still).values(**again))


def _learn_first(answer: Answer) -> None:
    """Keep what an answer says about the number, unless the answer is known already."""
    intent = answer.intent
    if answer.outcome.next in TEACHES:
        this = Attempt.message_id == intent.message_id, Attempt.attempt_no == intent.attempt_no
        outcome = db.session.scalar(select(Attempt.outcome).where(*this))
        db.session.rollback()
        if outcome == "":
            learning.learn(message_id=intent.message_id, error_code=answer.outcome.code, now=answer.at)


@retried
def _write(answers: Sequence[Answer], pace: Pace) -> Collection[int]:
    """Write answers down; return of which messages. Several at once leave out what somebody else works on."""
    alone = len(answers) == 1
    with transaction() as session:
        if not alone:
            give_way(session)
        rows_of = standing_of(session, [answer.intent.message_id for answer in answers], alone=alone)
        for answer in answers:
            if answer.intent.message_id in rows_of:
                _record(session, answer, rows_of[answer.intent.message_id], pace)
        reach("in_record")
    return rows_of.keys()


def _record(session: Session, answer: Answer, row: Any, pace: Pace) -> None:
    intent, outcome, now = answer.intent, answer.outcome, answer.at
    answered = session.execute(ANSWERED, _columns(intent, outcome, now))
    if rows(answered) and row.attempt_no == intent.attempt_no:
        _settle(session, intent, outcome, row, answer.jitter, pace, now)
    elif rows(answered) and outcome.next == "taken":
        _taken(session, intent, outcome, row, now)  # given up for absent, and there after all


def _columns(intent: Intent, outcome: Outcome, now: pendulum.DateTime) -> dict[str, Any]:
    return {
        "of_message": intent.message_id,
        "of_attempt": intent.attempt_no,
        "outcome": outcome.kind,
        "outcome_at": now,
        "sid": outcome.sid,
        "request_id": outcome.request_id,
        "http_status": outcome.http_status,
        "code": outcome.code,
    }


def _settle(
    session: Session, intent: Intent, outcome: Outcome, row: Any, jitter: float, pace: Pace, now: pendulum.DateTime
) -> None:
    if outcome.next == "taken":
        _taken(session, intent, outcome, row, now)
    elif outcome.next == "resolve":
        look = {"next_action_at": intent.intent_at.add(microseconds=int(pace.first_look_seconds * 1e6))}
        known = {"ever_unknown": True, "lease_until": None, **look}
        move(session, intent.message_id, FLYING, states.UNKNOWN, words=outcome.words, by=WORKER, now=now, **known)
    elif outcome.next in {"pause", "park"}:
        _wait_for_us(session, intent, outcome, now)
    elif outcome.next in ENDINGS:
        move(session, intent.message_id, FLYING, ENDINGS[outcome.next], words=_refusal(outcome), by=WORKER, now=now,
             error_code=outcome.code, reaches_at=None, **DONE)  # fmt: skip
    else:
        _come_back(session, intent, outcome, jitter, now)


def _taken(session: Session, intent: Intent, outcome: Outcome, row: Any, now: pendulum.DateTime) -> None:
    assert outcome.sid is not None
    if row.sid not in {None, outcome.sid}:
        note(session, intent.message_id, states.NEEDS_REVIEW, f"Twilio made a second text: {outcome.sid}", WORKER, now)
        if intent.send_at is not None:
            sweep = {"ever_unknown": True, "next_action_at": intent.send_at.subtract(minutes=SWEEP_ORPHANS_MINUTES)}
            waiting = Message.id == intent.message_id, Message.state == states.SCHEDULED
            session.execute(update(Message).where(*waiting).values(lease_until=None, **sweep))
        return
    # Twilio's own pages answer a create with SendAt by "accepted" or "queued" as well: it is held all the same.
    held = intent.send_at is not None and states.RANK.get(outcome.status, 0) <= states.RANK["queued"]
    status = "scheduled" if held else outcome.status
    apply_status(session, row, status, None, sid=outcome.sid, by=WORKER, now=now)


def _come_back(session: Session, intent: Intent, outcome: Outcome, jitter: float, now: pendulum.DateTime) -> None:
    """Nothing was made: the message waits here again, for as long as the reason asks."""
    tries, send_at, wanted = session.execute(
        select(Message.backoff_no, Message.send_at, Message.wanted).where(Message.id == intent.message_id)
    ).one()
    changes: dict[str, Any] = {"lease_until": None, "backoff_no": tries + 1}
    wait = backoff_seconds(tries, jitter, outcome.retry_after_seconds)
    changes["next_action_at"] = now.add(microseconds=int(wait * 1e6))
    if outcome.next == "local":
        changes |= {"local_only": True, "next_action_at": now}
    elif outcome.next == "hold":
        nearer = send_at.subtract(hours=24)
        changes |= {"next_action_at": nearer} if nearer > now else {"local_only": True, "next_action_at": now}
    elif outcome.next == "stop_all":
        heart.open_circuit(session, outcome.words, now)
    if not wanted:
        changes["next_action_at"] = now
    words = f"not taken: {outcome.words}; it stays here and is tried again"
    move(session, intent.message_id, {states.SUBMITTING}, states.PENDING, words=words, by=WORKER, now=now, **changes)


def _wait_for_us(session: Session, intent: Intent, outcome: Outcome, now: pendulum.DateTime) -> None:
    """Twilio takes no text of its sender, or none to such a number: it waits here until we have put that right.

    One that is refused again after others got through is a case by itself: a person sees it, and its sender goes on.
    """
    code, this = outcome.code or 0, Message.id == intent.message_id
    wanted, met = session.execute(select(Message.wanted, Message.error_code).where(this)).one()
    alone = outcome.next == "park" or (met == code and sender_pauses.of(session, intent.sender) is None)
    at = now
    if wanted and not alone:
        at = sender_pauses.begin(session, intent.sender, code, by_receipt=False, now=now).add(seconds=1)  # others first
    back = {"error_code": code, "lease_until": None, "next_action_at": at, "waits_for": "sender"}
    words = f"not taken: {_refusal(outcome)}"
    move(session, intent.message_id, FLYING, states.PENDING, words=words, by=WORKER, now=now, **back)
    if wanted and alone:
        held = {states.PENDING}
        move(session, intent.message_id, held, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **DONE)


def _refusal(outcome: Outcome) -> str:
    return codes.of(outcome.code).words if outcome.code else outcome.words


FLYING = frozenset({states.SUBMITTING})
PARKED_FROM = states.HELD_HERE | {states.SCHEDULED, states.CANCELLING}
ENDINGS = {"suppress": states.SUPPRESSED, "bad_number": states.FAILED, "fail": states.FAILED}
