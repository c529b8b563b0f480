"""How a worker hands texts over: decides on several at once, asks Twilio for each, writes down together what came back.

What comes in while some answers are written is written next, in one transaction: a commit costs as much as its rows.
A door, like the worker itself: it reads the clock.
"""

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import count

import pendulum
from flask import Flask

from reminder_site.actions import delivery, heart, intents, leasing, throttling
from reminder_site.actions.delivery import Answer
from reminder_site.actions.intents import Intent
from reminder_site.clock import Clock
from reminder_site.domain.delivery import Outcome, Pace
from reminder_site.domain.throttle import Silence
from reminder_site.domain.times import seconds_between
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Sms
from reminder_site.safeguards import Safeguards

log = logging.getLogger("reminder_site.worker")
SECOND_LOOK_SLACK = 0.9  # of the wait between two looks, which the wall clock measures exactly
FORGET_ATTEMPTS_SECONDS = 8 * 24 * 3600  # longer than anybody looks for a text


@dataclass(frozen=True)
class Decided:
    """The intents of some texts, None for those that stay; begun at that reading of the worker's stopwatch."""

    intents: dict[int, Intent | None]
    begun: float


NOTHING_DECIDED = Decided({}, 0.0)


@dataclass
class Slip:
    """One answer, and whether it is in the database."""

    answer: Answer
    written: bool = False


class HandingOver:
    """One worker's; `owner` names it, `monotonic` is its stopwatch (seconds), `stopping` is set when it is to end."""

    def __init__(
        self,
        app: Flask,
        pace: Pace,
        *,
        owner: str,
        monotonic: Callable[[], float],
        safeguards: Safeguards,
        stopping: threading.Event,
    ) -> None:
        self.clock: Clock = app.extensions["clock"]
        self.sms: Sms = app.extensions["sms"]
        self.pace, self.owner, self.monotonic = pace, owner, monotonic
        self.safeguards, self.stopping = safeguards, stopping
        self.pulse = heart.Pulse()  # as the worker felt it last
        self.throttled = False  # at the worker's last look
        self._silence = Silence()
        self._silence_lock = threading.Lock()
        self._quiet_since: dict[tuple[int, int], float] = {}
        self._waiting: deque[Slip] = deque()
        self._writing = threading.Lock()

    def decide_together(self, ids: Collection[int]) -> Decided:
        """Decide which of these texts leave; one by itself, or some that cannot be decided so, are left to `send`."""
        if len(ids) < 2:
            return NOTHING_DECIDED
        try:
            return self._decide(ids)
        except Exception:
            log.exception("%s texts could not be checked together", len(ids))
            return NOTHING_DECIDED

    def send(self, message_id: int, decided: Decided) -> Slip | None:
        """Ask Twilio for a text if it is to leave now; return what came back, to be written down and finished."""
        if message_id not in decided.intents:
            decided = self._decide([message_id])
        intent = decided.intents.get(message_id)
        if intent is None:
            return None
        self._quiet_since[message_id, intent.attempt_no] = decided.begun
        outcome = self.sms.create(
            to=intent.to,
            body=intent.body,
            sender=intent.sender,
            callback_url=intent.callback_url,
            send_at=intent.send_at,
            extras=intent.extras,
            may_leave=self.fence(intent.intent_at, decided.begun),
        )
        reach("after_answer")
        jitter = random.uniform(-1, 1)  # noqa: S311 - spreads retries
        slip = Slip(Answer(intent, outcome, self.clock.now(), jitter))
        self._waiting.append(slip)
        return slip

    def write_down(self) -> None:
        """Write all answers that wait, in one transaction, or wait for whoever does; what cannot be stays unwritten."""
        with self._writing:
            batch = self._of_different_texts()
            if not batch:
                return
            try:
                left = delivery.record(answers=[slip.answer for slip in batch], pace=self.pace)
            except Exception:
                log.exception("%s answers could not be recorded together", len(batch))
                return
            for slip in batch:
                slip.written = slip.answer not in left

    def finish(self, slip: Slip) -> None:
        """See that an answer is written down, and heed it. Raises when the database refuses it to the end."""
        answer, outcome = slip.answer, slip.answer.outcome
        if not slip.written:
            self._record(answer)
        if outcome.kind != "unknown":
            self._quiet_since.pop((answer.intent.message_id, answer.intent.attempt_no), None)
        self.hear(outcome.server_date, took=outcome.kind == "created", now=answer.at)
        self._keep_pace(outcome, answer.at)

    def fence(self, intent_at: pendulum.DateTime, begun: float) -> Callable[[], bool]:
        """Make the check that is asked right before the first byte: too late by either clock, and nothing leaves.

        The intent was begun at `intent_at` by the clock (UTC) and at `begun` by the stopwatch.
        """
        ends = begun + self.pace.fence_seconds

        def may_leave() -> bool:
            reach("before_first_byte")
            wall_seconds = seconds_between(intent_at, self.clock.now())
            return self.monotonic() < ends and -5 < wall_seconds < self.pace.fence_seconds

        return may_leave

    def is_quiet(self, item: leasing.Due) -> bool:
        """Say whether this worker's own stopwatch, too, has seen the wait before the next look at an attempt."""
        attempt, read = (item.id, item.attempt_no), self.monotonic()
        if read - self._quiet_since.setdefault(attempt, read) < self.pace.first_look_seconds:
            return False
        between_looks = SECOND_LOOK_SLACK * self.pace.second_look_seconds
        self._quiet_since[attempt] = read - self.pace.first_look_seconds + between_looks
        return True

    def forget(self) -> None:
        """Let go of attempts that nobody asks about any more."""
        long_ago = self.monotonic() - FORGET_ATTEMPTS_SECONDS
        self._quiet_since = {attempt: at for attempt, at in self._quiet_since.copy().items() if at > long_ago}

    def hear(self, theirs: pendulum.DateTime | None, *, took: bool, now: pendulum.DateTime) -> None:
        """Learn from the time in an answer (UTC), and from whether a text was taken, if there is something to learn."""
        known = self.pulse.refused or self.pulse.skewed
        if known or (theirs is not None and heart.disagree(theirs, now)):
            heart.hear(theirs=theirs, took=took, now=now)

    def _decide(self, ids: Collection[int]) -> Decided:
        begun, me, held = self.monotonic(), self.owner, self.safeguards.held
        now = self.clock.now()
        return Decided(intents.intend(ids=ids, owner=me, process=me, pace=self.pace, held=held, now=now), begun)

    def _of_different_texts(self) -> list[Slip]:
        """Take what waits, of each text one answer: the second hangs on what the first made of it."""
        batch: dict[int, Slip] = {}
        while self._waiting:
            slip = self._waiting.popleft()
            batch.setdefault(slip.answer.intent.message_id, slip)
        return list(batch.values())

    def _record(self, answer: Answer) -> None:
        """Record an answer; when the database refuses, spool it and try on for as long as the lease lasts."""
        ends = self.monotonic() + self.pace.lease_seconds
        for attempt in count():
            try:
                delivery.record(answers=[answer], pace=self.pace)
                return
            except Exception:
                log.exception("the answer for message %s could not be recorded yet", answer.intent.message_id)
                if attempt == 0:
                    self.safeguards.keep(answer)
                wait = min(5.0, 0.2 * 2**attempt)
                if self.monotonic() + wait > ends or self.stopping.wait(wait):
                    raise

    def _keep_pace(self, outcome: Outcome, now: pendulum.DateTime) -> None:
        """Slow down when Twilio asks for it, stop when it is silent, begin again when it answers."""
        if outcome.next == "late":
            return
        with self._silence_lock:
            self._silence = silence = self._silence.after(outcome.unanswered, now)
        if outcome.next == "slow_down":
            throttling.slow_down(now=now)
        elif silence.since is None:
            if self.throttled:
                throttling.hear_again(now=now)
        elif silence.is_outage(self.pace, now):
            throttling.fall_silent(since=silence.since, why=outcome.words, pace=self.pace, now=now)
