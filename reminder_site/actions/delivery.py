"""Handing texts over: write the intent, and record what came back. The call itself is the worker's."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.actions import checks, heart
from reminder_site.actions.links import fill
from reminder_site.actions.outbox import DONE, move, note, rows, wake_later
from reminder_site.actions.receipts import apply_status, flag_number, opt_out, standing, token_hash
from reminder_site.config import settings
from reminder_site.db import transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import SWEEP_ORPHANS_MINUTES, Outcome, Pace, address, backoff_seconds, route
from reminder_site.domain.error_words import explain
from reminder_site.failpoints import reach
from reminder_site.models import Attempt, Message

GIVE_UP_FAILURES = 5
ATTEMPTS = Attempt.metadata.tables["attempt"]
THIS_ATTEMPT = ATTEMPTS.c.message_id == bindparam("of_message"), ATTEMPTS.c.attempt_no == bindparam("of_attempt")
ANSWERS = ("outcome", "outcome_at", "sid", "request_id", "http_status", "code")
ANSWERED = ATTEMPTS.update().where(*THIS_ATTEMPT, ATTEMPTS.c.outcome == "")
ANSWERED = ANSWERED.values({name: bindparam(name) for name in ANSWERS})
MESSAGES = Message.metadata.tables["message"]
MINE = select(MESSAGES).where(MESSAGES.c.id == bindparam("message_id")).with_for_update()
SAME_NUMBER_MICROSECONDS = 300_000


@dataclass(frozen=True)
class Intent:
    """A committed decision to create one text; everything the call needs, nothing it does not."""

    message_id: int
    attempt_no: int
    to: str
    body: str
    sender: str
    callback_url: str
    send_at: pendulum.DateTime | None
    intent_at: pendulum.DateTime
    extras: dict[str, object]


def intend(
    *, message_id: int, owner: str, process: str, pace: Pace, held: bool, now: pendulum.DateTime
) -> Intent | None:
    """Check everything once more and commit the intent to text; None when nothing is to leave now.

    What does not leave is put where it belongs: waiting, cancelled, suppressed or expired, always with the reason.
    """
    reach("before_intent")
    try:
        with transaction() as session:
            intent = _intend(session, message_id, owner, process, pace, held, now)
            reach("in_intent")
    except IntegrityError:
        _wait_for_the_other(message_id, owner, now)
        return None
    reach("after_intent")
    return intent


def record(*, intent: Intent, outcome: Outcome, jitter: float, pace: Pace, now: pendulum.DateTime) -> None:
    """Write down what came back from one attempt; a late or doubled record changes nothing."""
    reach("before_record")
    with transaction() as session:
        answered = session.execute(ANSWERED, _answer(intent, outcome, now))
        row = standing(session, intent.message_id)
        if rows(answered) and row.attempt_no == intent.attempt_no:
            _settle(session, intent, outcome, row, jitter, pace, now)
        elif rows(answered) and outcome.next == "taken":
            _taken(session, intent, outcome, row, now)  # given up for absent, and there after all
        reach("in_record")
    reach("after_record")


def stumble(*, message_id: int, words: str, now: pendulum.DateTime) -> None:
    """Note that looking at a message went wrong; after five times it is parked for a person and the queue moves on."""
    with transaction() as session:
        failures, state = session.execute(select(Message.failures, Message.state).where(Message.id == message_id)).one()
        wait_seconds = 5 * 2 ** min(failures, GIVE_UP_FAILURES)
        again = {"failures": failures + 1, "lease_until": None, "next_action_at": now.add(seconds=wait_seconds)}
        if failures + 1 >= GIVE_UP_FAILURES and states.NEEDS_REVIEW in states.MAY_BECOME[state]:
            move(
                session, message_id, {state}, states.NEEDS_REVIEW, words=words, by=WORKER, now=now, **{**again, **DONE}
            )
        else:
            session.execute(update(Message).where(Message.id == message_id).values(**again))


def _intend(
    session: Session, message_id: int, owner: str, process: str, pace: Pace, held: bool, now: pendulum.DateTime
) -> Intent | None:
    message = session.execute(MINE, {"message_id": message_id}).first()
    if message is None or message.state != states.LEASED or message.lease_owner != owner:
        return None
    if message.lease_until is None or message.lease_until <= now:
        return None
    verdict = checks.last_check(session, message, now=now)
    if verdict.ends_as:
        move(session, message.id, {states.LEASED}, verdict.ends_as, words=verdict.words, by=WORKER, now=now, **DONE)
        return None
    if held:
        _wait(session, message, now.add(seconds=15), "waiting: sending is on hold", now)
        return None
    here = message.local_only or not message.sender.startswith("MG")  # only a Messaging Service can schedule
    way = route(send_at=message.send_at, useful_until=message.useful_until, now=now, local_only=here)
    if way.way == "expire":
        words = "not sent: by now it would come too late to be of use"
        move(session, message.id, {states.LEASED}, states.EXPIRED, words=words, by=WORKER, now=now, **DONE)
        return None
    until = way.until or verdict.until
    if until is None and (why := heart.why_stopped(session, now)):
        until, verdict = now.add(seconds=heart.TRY_AGAIN_SECONDS), checks.Verdict(words=why)
    if until is not None:
        _wait(session, message, until, verdict.words, now)
        return None
    return _commit_intent(session, message, "twilio" if way.way == "schedule" else "local", process, pace, now)


def _wait(session: Session, message: Any, until: pendulum.DateTime, words: str, now: pendulum.DateTime) -> None:
    """Put a leased message back until a moment; the reversible half of the protocol, so no line of history."""
    back = {"state": states.PENDING, "next_action_at": until, "lease_until": None, "version": Message.version + 1}
    if words:
        back["state_why"] = words[:200]
    session.execute(update(Message).where(Message.id == message.id, Message.state == states.LEASED).values(**back))
    wake_later(session, (until - now).total_seconds())


def _commit_intent(
    session: Session, message: Any, way: str, process: str, pace: Pace, now: pendulum.DateTime
) -> Intent | None:
    token = secrets.token_hex(16)
    number = message.attempt_no + 1
    body = fill(session, message.body, message.appointment_id, now=now)
    words = "handing it to Twilio with its send time" if way == "twilio" else "handing it to Twilio to be sent now"
    first_look_at = now.add(microseconds=int(pace.first_look_seconds * 1e6))
    begun = {"attempt_no": number, "route": way, "absent_reads": 0, "next_action_at": first_look_at}
    if not move(session, message.id, {states.LEASED}, states.SUBMITTING, words=words, by=WORKER, now=now, **begun):
        return None
    attempt = {"message_id": message.id, "attempt_no": number, "token_hash": token_hash(token), "intent_at": now}
    session.execute(ATTEMPTS.insert(), [{**attempt, "process": process, "route": way, "outcome": "", "request_id": ""}])
    return Intent(
        message_id=message.id,
        attempt_no=number,
        to=address(message.channel, message.to_e164),
        body=body,
        sender=message.sender,
        callback_url=f"{settings().public_base_url}/webhooks/twilio/status/{token}",
        send_at=message.send_at if way == "twilio" else None,
        intent_at=now,
        extras=_extras(message),
    )


def _extras(message: Any) -> dict[str, object]:
    """Say what the channel adds to a plain text: a template's SID and variables, media."""
    extras: dict[str, object] = {}
    if message.content_sid:
        extras["content_sid"] = message.content_sid
        extras["content_variables"] = json.dumps(message.content_variables or {})
    if message.media_urls:
        extras["media_url"] = list(message.media_urls)
    return extras


def _wait_for_the_other(message_id: int, owner: str, now: pendulum.DateTime) -> None:
    """Another text to the same number is on the wire, look again in a moment, or when it is cleared up."""
    with transaction() as session:
        to, sender = session.execute(select(Message.to_e164, Message.sender).where(Message.id == message_id)).one()
        other = session.execute(
            select(Message.state, Message.next_action_at).where(
                Message.to_e164 == to, Message.sender == sender, Message.state.in_(states.IN_FLIGHT)
            )
        ).first()
        again = now.add(microseconds=SAME_NUMBER_MICROSECONDS)
        if other and other.state == states.UNKNOWN and other.next_action_at:
            again = max(again, other.next_action_at)
        session.execute(
            update(Message)
            .where(Message.id == message_id, Message.state == states.LEASED, Message.lease_owner == owner)
            .values(state=states.PENDING, next_action_at=again, lease_until=None)
        )


def _answer(intent: Intent, outcome: Outcome, now: pendulum.DateTime) -> dict[str, Any]:
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
    elif outcome.next in ENDINGS:
        move(session, intent.message_id, FLYING, ENDINGS[outcome.next], words=_refusal(outcome), by=WORKER, now=now,
             error_code=outcome.code, **DONE)  # fmt: skip
        _learn(session, intent.message_id, outcome, now)
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


def _learn(session: Session, message_id: int, outcome: Outcome, now: pendulum.DateTime) -> None:
    if outcome.next == "suppress":
        opt_out(session, message_id, now=now)
    elif outcome.next == "bad_number":
        flag_number(session, message_id)


def _refusal(outcome: Outcome) -> str:
    return explain(outcome.code).words if outcome.code else outcome.words


FLYING = frozenset({states.SUBMITTING})
ENDINGS = {"suppress": states.SUPPRESSED, "bad_number": states.FAILED, "fail": states.FAILED}
