"""The intent to create a text: everything is checked once more, and committed before the call is made."""

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.actions import checks, heart, locks, replacing, sender_pauses
from reminder_site.actions.links import fill
from reminder_site.actions.outbox import DONE, move, wake_later
from reminder_site.actions.receipts import token_hash
from reminder_site.actions.throttling import Bucket
from reminder_site.config import settings
from reminder_site.db import give_way, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import Pace, address, route, validity_seconds
from reminder_site.failpoints import reach
from reminder_site.models import Attempt, Message

MESSAGES = Message.metadata.tables["message"]
_these = MESSAGES.c.id.in_(bindparam("ids", expanding=True))
MINE = select(MESSAGES).where(_these).order_by(MESSAGES.c.id)
MINE_ALONE = MINE.with_for_update(key_share=True)
MINE_AT_ONCE = MINE.where(MESSAGES.c.replaces_id.is_(None)).with_for_update(key_share=True, skip_locked=True)
REPLACED = select(MESSAGES.c.replaces_id).where(_these, MESSAGES.c.replaces_id.is_not(None))
_of_numbers = MESSAGES.c.to_e164.in_(bindparam("numbers", expanding=True)), MESSAGES.c.state.in_(states.IN_FLIGHT)
ON_THE_WIRE = select(MESSAGES.c.to_e164, MESSAGES.c.sender).where(*_of_numbers)
INTENDED = Attempt.metadata.tables["attempt"].insert()
SAME_NUMBER_MICROSECONDS = 300_000
LEAVE = checks.Verdict()
OUR_TROUBLE = frozenset({"sender", "account", "clock"})


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


@retried
def intend(
    *, ids: Collection[int], owner: str, process: str, pace: Pace, held: bool, now: pendulum.DateTime
) -> dict[int, Intent | None]:
    """Check texts once more and commit the intents to create them, all in one transaction; None for what stays.

    What does not leave is put where it belongs: waiting, cancelled, suppressed or expired, always with the reason.
    Several at once wait for nobody for long: those that somebody else works on, or whose number has a text on the wire,
    are left out, to be tried one by one. So are all, or an error is raised, when that happens only meanwhile.
    """
    reach("before_intent")
    try:
        with transaction() as session:
            decided = _Decision(session, owner, process, pace, held, now).on(ids)
            reach("in_intent")
    except IntegrityError:
        if len(ids) > 1:
            return {}
        for message_id in ids:
            _wait_for_the_other(message_id, owner, now)
        return dict.fromkeys(ids)
    reach("after_intent")
    return decided


class _Decision:
    """Which of some leased texts leave now. Lives as long as the transaction it decides in."""

    def __init__(
        self, session: Session, owner: str, process: str, pace: Pace, held: bool, now: pendulum.DateTime
    ) -> None:
        self.session, self.owner, self.process, self.pace = session, owner, process, pace
        self.held, self.now = held, now
        self.numbers: set[tuple[str, str]] = set()  # to which, from which sender, one has been decided on
        self.wait_until: list[pendulum.DateTime] = []
        self.first_look_at = now.add(microseconds=int(pace.first_look_seconds * 1e6))

    def on(self, ids: Collection[int]) -> dict[int, Intent | None]:
        """Decide on each text; return the intents to be followed, None for what stays."""
        read = self._read(ids)
        for clinic_id in sorted({message.clinic_id for message in read}):
            locks.hold(self.session, f"daily limit {clinic_id}")
        self.around = checks.Circumstances(self.session, [message.id for message in read])
        self.stops, self.bucket = heart.stops(self.session), Bucket(self.session, self.now)
        attempts: list[dict[str, Any]] = []
        ways = {message.id: self._way_out(message) for message in read}
        # By their numbers: two workers never wait for each other at the index of texts on the wire.
        leaving = sorted((message for message in read if ways[message.id]), key=_number)
        decided: dict[int, Intent | None] = dict.fromkeys(message.id for message in read)
        for message in leaving:
            decided[message.id] = self._commit(message, ways[message.id], attempts)
        if attempts:
            self.session.execute(INTENDED, attempts)
        self.bucket.settle()
        if self.wait_until:
            wake_later(self.session, (min(self.wait_until) - self.now).total_seconds())
        return decided

    def _read(self, ids: Collection[int]) -> list[Any]:
        """Read the texts and keep others from changing them; of several, leave out what one would have to wait for.

        One that replaces another is decided on by itself, with the other one locked as well.
        """
        if len(ids) == 1:
            both = {*ids, *self.session.scalars(REPLACED, {"ids": list(ids)})}
            locked = {row.id: row for row in self.session.execute(MINE_ALONE, {"ids": list(both)})}
            self.replaced = {row.id: locked.get(row.replaces_id) for row in locked.values() if row.id in ids}
            return [locked[each] for each in ids if each in locked]
        self.replaced = {}
        give_way(self.session)
        found = {row.id: row for row in self.session.execute(MINE_AT_ONCE, {"ids": [*ids]})}
        numbers = {"numbers": [row.to_e164 for row in found.values()]}
        busy = {_number(row) for row in self.session.execute(ON_THE_WIRE, numbers)}
        return [found[each] for each in ids if each in found and _number(found[each]) not in busy]

    def _way_out(self, message: Any) -> str:
        """Return the way a text leaves now; empty when it does not, and has been put where it belongs."""
        if not self._is_mine(message):
            return ""
        verdict, way = self._verdict(message)
        if verdict.ends_as:
            self._end(message, verdict)
        elif verdict.until is not None:
            self._wait(message, verdict)
        else:
            self.around.leaves(message, self._reaches_at(message, way))
            self.numbers.add(_number(message))
            return "twilio" if way == "schedule" else "local"
        return ""

    def _is_mine(self, message: Any) -> bool:
        lives = message.lease_until is not None and message.lease_until > self.now
        return lives and message.state == states.LEASED and message.lease_owner == self.owner

    def _verdict(self, message: Any) -> tuple[checks.Verdict, str]:
        """Say whether a text leaves now, and by which way."""
        now, checked = self.now, checks.last_check(message, self.around, now=self.now)
        if checked.ends_as:
            return checked, ""
        if self.held:
            held = checks.Verdict(until=now.add(seconds=15), words="waiting: sending is on hold", waits_for="hold")
            return held, ""
        here = message.local_only or not message.sender.startswith("MG")  # only a Messaging Service can schedule
        way = route(send_at=message.send_at, useful_until=message.useful_until, now=now, local_only=here)
        if way.way == "expire":
            return checks.Verdict(states.EXPIRED, words="not sent: by now it would come too late to be of use"), ""
        if way.until is not None:
            return checks.Verdict(until=way.until), ""
        if checked.until is not None:
            return checked, ""
        return self._in_the_way(message, way.way) or LEAVE, way.way

    def _in_the_way(self, message: Any, way: str) -> checks.Verdict | None:
        """Say what keeps a text that is due, true and allowed from leaving at this very moment."""
        now, before = self.now, self.replaced.get(message.id)
        at = self._reaches_at(message, way)
        makes_way = (
            before is not None
            and before.state in replacing.AT_TWILIO
            and before.reaches_at is not None
            and self.around.same_day(message, before.reaches_at, at)
        )
        if over := checks.over_the_limit(message, self.around, at, besides=int(makes_way), now=now):
            return over
        if _number(message) in self.numbers:
            return checks.Verdict(until=now, waits_for="number")  # after the other one
        if not self.bucket.has_room():
            return checks.Verdict(until=now, waits_for="throttle")
        if stopped := self._stopped(message, way, waits=before is not None and replacing.holds_back(before)):
            return stopped
        if before is not None and (verdict := replacing.judge(self.session, message, before, now=now)):
            return verdict
        self.bucket.take()
        return None

    def _stopped(self, message: Any, way: str, *, waits: bool) -> checks.Verdict | None:
        """Say what keeps all texts, or all of one sender's, from leaving; one that `waits` anyway may not try."""
        now, pause = self.now, self.stops.pauses.get(message.sender)
        if pause is None or (not waits and pause.may_try(way, now)):
            if stopped := heart.why_stopped(self.session, self.stops, now, may_try=not waits):
                words, code = stopped
                until = min(now.add(seconds=heart.TRY_AGAIN_SECONDS), message.useful_until)
                return checks.Verdict(until=until, words=words, waits_for=code)
            if pause is None or sender_pauses.try_with(self.session, pause, message.id, now):
                return None
        return checks.Verdict(until=pause.looks_at(message, way, now), words=pause.words, waits_for="sender")

    def _reaches_at(self, message: Any, way: str) -> pendulum.DateTime:
        at: pendulum.DateTime = message.send_at if way == "schedule" else self.now
        return at

    def _end(self, message: Any, verdict: checks.Verdict) -> None:
        """End a text that does not leave; one that waited for us until it was of no use is shown to a person."""
        heart_row, pauses = self.stops.heart, self.stops.pauses
        stopped = message.sender in pauses or (heart_row is not None and heart_row.circuit_open_at is not None)
        missed = verdict.ends_as == states.EXPIRED and (stopped or message.waits_for in OUR_TROUBLE)
        ends = DONE | ({"waits_for": "missed"} if missed else {})
        move(self.session, message.id, {states.LEASED}, verdict.ends_as, words=verdict.words, by=WORKER, now=self.now,
             **ends)  # fmt: skip

    def _wait(self, message: Any, verdict: checks.Verdict) -> None:
        """Put a leased message back until a moment; the reversible half of the protocol, so no line of history."""
        until = verdict.until or self.now
        back = {"state": states.PENDING, "next_action_at": until, "lease_until": None, "version": Message.version + 1}
        back["waits_for"] = verdict.waits_for
        if verdict.words:
            back["state_why"] = verdict.words[:200]
        mine = Message.id == message.id, Message.state == states.LEASED
        self.session.execute(update(Message).where(*mine).values(**back))
        if until > self.now:
            self.wait_until.append(until)

    def _commit(self, message: Any, way: str, attempts: list[dict[str, Any]]) -> Intent | None:
        now, number, token = self.now, message.attempt_no + 1, secrets.token_hex(16)
        body = fill(self.session, message.body, message.appointment_id, now=now)
        words = "handing it to Twilio with its send time" if way == "twilio" else "handing it to Twilio to be sent now"
        begun = {"attempt_no": number, "route": way, "absent_reads": 0, "next_action_at": self.first_look_at}
        begun["reaches_at"] = message.send_at if way == "twilio" else now
        if not move(self.session, message.id, {states.LEASED}, states.SUBMITTING, words=words, by=WORKER, now=now,
                    **begun):  # fmt: skip
            return None
        attempt = {"message_id": message.id, "attempt_no": number, "token_hash": token_hash(token), "intent_at": now}
        attempts.append({**attempt, "process": self.process, "route": way, "outcome": "", "request_id": ""})
        return Intent(
            message_id=message.id,
            attempt_no=number,
            to=address(message.channel, message.to_e164),
            body=body,
            sender=message.sender,
            callback_url=f"{settings().public_base_url}/webhooks/twilio/status/{token}",
            send_at=message.send_at if way == "twilio" else None,
            intent_at=now,
            extras=_extras(message, way, now),
        )


def _number(message: Any) -> tuple[str, str]:
    """Name what only one text at a time may be on its way to: a number, from one sender."""
    return message.to_e164, message.sender


def _extras(message: Any, way: str, now: pendulum.DateTime) -> dict[str, object]:
    """Say what is added to a plain text: how long it may wait on its way, a template's SID and variables, media."""
    extras: dict[str, object] = {}
    if way == "local":
        extras["validity_period"] = validity_seconds(message.useful_until, now)
    if message.content_sid:
        extras["content_sid"] = message.content_sid
        extras["content_variables"] = json.dumps(message.content_variables or {})
    if message.media_urls:
        extras["media_url"] = list(message.media_urls)
    return extras


@retried
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
