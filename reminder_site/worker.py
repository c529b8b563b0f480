"""The one worker: leases due messages and carries each through its next step. A door: it reads the clock."""

import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pendulum
from flask import Flask
from huey.consumer import Consumer

from reminder_site.actions import delivery, following, form_nonces, heart, leasing, replanning, throttling, zone_rules
from reminder_site.clock import Clock
from reminder_site.config import Settings
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import Outcome, Pace
from reminder_site.domain.throttle import Silence
from reminder_site.failpoints import reach
from reminder_site.gateways.sms import Sms
from reminder_site.queries import delivery as due
from reminder_site.queries.throttle import throttle
from reminder_site.safeguards import Safeguards
from reminder_site.standstill import end_after

log = logging.getLogger("reminder_site.worker")
SANDBOX_NAP_SECONDS = 0.5
THROTTLED_NAP_SECONDS = 0.25
SECOND_LOOK_SLACK = 0.9  # of the wait between two looks, which the wall clock measures exactly
FORGET_ATTEMPTS_SECONDS = 3600


class Worker:
    """Looks at the outbox whenever woken, when the next message is due, and every SWEEP_SECONDS at the latest."""

    def __init__(self, app: Flask, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self.settings: Settings = app.extensions["settings"]
        self.clock: Clock = app.extensions["clock"]
        self.sms: Sms = app.extensions["sms"]
        self.wake: threading.Event = app.extensions["wake"]
        self.pace = Pace.faster(self.settings.delivery_speed)
        self.owner = f"{os.getpid()}-{random.getrandbits(48):012x}"
        self.monotonic = monotonic
        self.stopping = threading.Event()
        self._carrying = 0
        self._count = threading.Lock()
        self._quiet_since: dict[tuple[int, int], float] = {}
        self._beat_at = float("-inf")
        self._beat_told = self.clock.now()
        self._pulse = heart.Pulse()
        self._zones_followed = False
        self._throttled = False
        self._silence = Silence()
        self.safeguards = Safeguards(app, self.pace, monotonic)

    def run(self) -> None:
        """Look, work and nap until told to stop; then let what is in flight finish."""
        with ThreadPoolExecutor(self.settings.texts_in_flight, thread_name_prefix="text") as pool:
            while not self.stopping.is_set():
                if self.look(pool.submit) == 0:
                    self.wake.wait(self._nap_seconds())
                    self.wake.clear()

    def look(self, submit: Callable[..., Any]) -> int:
        """Take up what is due now, as much as there is room for; return how much."""
        free = self._free_places()
        if free == 0:
            time.sleep(0.002)
            return 1
        with self.app.app_context():
            try:
                self._beat()
                self.safeguards.look(submit)
                found = self._lease(free, submit)
            except Exception:
                log.exception("the outbox could not be read")
                self.stopping.wait(1)
                return 0
        for item in found:
            self._carries(+1)
            submit(self._carry, item)
        return len(found)

    def _lease(self, most: int, submit: Callable[..., Any]) -> list[leasing.Due]:
        now = self.clock.now()
        standing = throttle()
        self._throttled = not standing.is_free(now)
        if standing.probe_is_due(now):
            submit(self._probe)
        may_leave = standing.allowance(most, now)
        return leasing.lease(owner=self.owner, limit=most, may_leave=may_leave, pace=self.pace, now=now)

    def settle(self, limit: int = 1_000_000) -> int:
        """Do everything that is due now, here and at once; return how many steps it took (trials and commands)."""
        steps = 0
        while steps < limit and (found := self.look(lambda work, *given: work(*given))):
            steps += found
        return steps

    def _carry(self, item: leasing.Due) -> None:
        with self.app.app_context():
            try:
                self._step(item)
            except Exception as error:
                log.exception("message %s stumbled", item.id)
                self._stumble(item, type(error).__name__)
            finally:
                self._carries(-1)

    def _step(self, item: leasing.Due) -> None:
        now = self.clock.now()
        if item.state == states.LEASED:
            self._hand_over(item.id, now)
        elif item.state in states.IN_FLIGHT:
            following.resolve(message_id=item.id, sms=self.sms, quiet=self._quiet(item), pace=self.pace, now=now)
        elif item.state == states.CANCELLING:
            following.cancel(message_id=item.id, sms=self.sms, now=now)
        elif item.state in following.SWEPT and due.orphan_sweep_is_due(item.id, now=now):
            following.sweep_orphans(message_id=item.id, sms=self.sms, now=now)
        else:
            following.poll(message_id=item.id, sms=self.sms, now=now)

    def _hand_over(self, message_id: int, now: pendulum.DateTime) -> None:
        me, held = self.owner, self.safeguards.held
        intent = delivery.intend(message_id=message_id, owner=me, process=me, pace=self.pace, held=held, now=now)
        if intent is None:
            return
        self._quiet_since[message_id, intent.attempt_no] = self.monotonic()
        outcome = self.sms.create(
            to=intent.to,
            body=intent.body,
            sender=intent.sender,
            callback_url=intent.callback_url,
            send_at=intent.send_at,
            extras=intent.extras,
            may_leave=self._fence(intent.intent_at),
        )
        reach("after_answer")
        now = self.clock.now()
        jitter = random.uniform(-1, 1)  # noqa: S311 - spreads retries
        self._record(intent, outcome, jitter, now)
        if outcome.kind != "unknown":
            self._quiet_since.pop((message_id, intent.attempt_no), None)
        self._hear(outcome.server_date, took=outcome.kind == "created", now=now)
        self._keep_pace(outcome, now)

    def _keep_pace(self, outcome: Outcome, now: pendulum.DateTime) -> None:
        """Slow down when Twilio asks for it, stop when it is silent, begin again when it answers."""
        if outcome.next == "late":
            return
        with self._count:
            self._silence = silence = self._silence.after(outcome.unanswered, now)
        if outcome.next == "slow_down":
            throttling.slow_down(now=now)
        elif silence.since is None:
            if self._throttled:
                throttling.hear_again(now=now)
        elif silence.is_outage(self.pace, now):
            throttling.fall_silent(since=silence.since, why=outcome.words, pace=self.pace, now=now)

    def _probe(self) -> None:
        with self.app.app_context():
            try:
                throttling.probe(sms=self.sms, pace=self.pace, now=self.clock.now())
            except Exception:
                log.exception("Twilio could not be asked whether it answers")

    def _fence(self, intent_at: pendulum.DateTime) -> Callable[[], bool]:
        """Make the check that is asked right before the first byte: too late by either clock, and nothing leaves."""
        ends = self.monotonic() + self.pace.fence_seconds

        def may_leave() -> bool:
            reach("before_first_byte")
            wall_seconds = (self.clock.now() - intent_at).total_seconds()
            return self.monotonic() < ends and -5 < wall_seconds < self.pace.fence_seconds

        return may_leave

    def _quiet(self, item: leasing.Due) -> bool:
        """Say whether this worker's own stopwatch, too, has seen the wait before the next look at an attempt."""
        attempt, read = (item.id, item.attempt_no), self.monotonic()
        if read - self._quiet_since.setdefault(attempt, read) < self.pace.first_look_seconds:
            return False
        between_looks = SECOND_LOOK_SLACK * self.pace.second_look_seconds
        self._quiet_since[attempt] = read - self.pace.first_look_seconds + between_looks
        return True

    def _stumble(self, item: leasing.Due, words: str) -> None:
        try:
            delivery.stumble(message_id=item.id, words=f"something went wrong here: {words}", now=self.clock.now())
        except Exception:
            log.exception("message %s could not be put back; its lease will lapse", item.id)

    def _record(self, intent: delivery.Intent, outcome: Outcome, jitter: float, now: pendulum.DateTime) -> None:
        """Record an answer; when the database refuses, spool it and try on for as long as the lease lasts."""
        ends = self.monotonic() + self.pace.lease_seconds
        for attempt in count():
            try:
                delivery.record(intent=intent, outcome=outcome, jitter=jitter, pace=self.pace, now=now)
                return
            except Exception:
                log.exception("the answer for message %s could not be recorded yet", intent.message_id)
                if attempt == 0:
                    self.safeguards.keep(intent, outcome)
                wait = min(5.0, 0.2 * 2**attempt)
                if self.monotonic() + wait > ends or self.stopping.wait(wait):
                    raise

    def _beat(self) -> None:
        rest = min(self.settings.sweep_seconds, 15)
        jumped = abs((self.clock.now() - self._beat_told).total_seconds()) > rest
        if self.monotonic() - self._beat_at < rest and not jumped:
            return
        self._beat_told = self.clock.now()
        self.safeguards.start()
        self._pulse = heart.beat(now=self.clock.now())
        self.safeguards.after_beat(self._pulse.held)
        self._keep_house(self.clock.now())
        an_hour_ago = self.monotonic() - FORGET_ATTEMPTS_SECONDS
        self._quiet_since = {attempt: at for attempt, at in self._quiet_since.copy().items() if at > an_hour_ago}
        self._beat_at = self.monotonic()
        if self._pulse.skewed:
            self._hear(self.sms.ask_time(), took=False, now=self.clock.now())

    def _keep_house(self, now: pendulum.DateTime) -> None:
        """Go on, a batch at a time, with what a change of settings or of the zone rules left to plan anew."""
        replanning.carry_on(by=WORKER, now=now)
        if not self._zones_followed:
            self._zones_followed = zone_rules.follow(by=WORKER, now=now).looked_at == 0
        form_nonces.forget(now=now)

    def _hear(self, theirs: pendulum.DateTime | None, *, took: bool, now: pendulum.DateTime) -> None:
        known = self._pulse.refused or self._pulse.skewed
        if known or (theirs is not None and heart.disagree(theirs, now)):
            heart.hear(theirs=theirs, took=took, now=now)

    def _free_places(self) -> int:
        return self.settings.texts_in_flight - self._carrying

    def _carries(self, more: int) -> None:
        with self._count:
            self._carrying += more

    def _nap_seconds(self) -> float:
        longest = SANDBOX_NAP_SECONDS if self.settings.uses_sandbox else float(self.settings.sweep_seconds)
        with self.app.app_context():
            try:
                next_at = due.next_action_at()
            except Exception:
                log.exception("the outbox could not be read")
                return 1.0
        if next_at is None:
            return longest
        shortest = THROTTLED_NAP_SECONDS if self._throttled else 0.005
        return min(longest, max(shortest, (next_at - self.clock.now()).total_seconds()))


def serve(app: Flask) -> None:
    """Run the worker and its Huey consumer in the foreground until SIGTERM or Ctrl-C."""
    worker = Worker(app)
    end_after(worker.pace.standstill_seconds)
    consumer = Consumer(app.extensions["alarms"].huey, workers=1, periodic=False, initial_delay=0.05, max_delay=0.2)
    consumer.start()

    def stop(*_: object) -> None:
        worker.stopping.set()
        worker.wake.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run()
    consumer.stop(graceful=True)
    worker.sms.close()
