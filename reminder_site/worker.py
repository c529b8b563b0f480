"""The one worker: leases due messages and carries each through its next step. A door: it reads the clock."""

import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from reminder_site import logs
from reminder_site.actions import delivery, following, heart, leasing, resolving, throttling, twins
from reminder_site.clock import Clock
from reminder_site.config import Settings
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import Pace
from reminder_site.gateways.alarms import Alarms
from reminder_site.gateways.sms import Sms
from reminder_site.handing_over import NOTHING_DECIDED, Decided, HandingOver, Slip
from reminder_site.housekeeping import Housekeeping
from reminder_site.queries import delivery as due
from reminder_site.queries.throttle import throttle
from reminder_site.safeguards import Safeguards
from reminder_site.standstill import end_after
from reminder_site.watching import Watch

log = logging.getLogger("reminder_site.worker")
SANDBOX_NAP_SECONDS = 0.5
THROTTLED_NAP_SECONDS = 0.25
ASIDE_THREADS = 2  # for housekeeping, probes and looks that end a hold: texts never wait for these
GATHER_SECONDS = 0.025  # a busy worker waits so long for more room: several texts at once cost less each


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
        self._gathers_until = float("-inf")
        self._count = threading.Lock()
        self._beat_at = float("-inf")
        self._beat_told = self.clock.now()
        self._silent = False
        self.safeguards = Safeguards(app, self.pace, monotonic)
        self.housekeeping = Housekeeping(app, stopping=self.stopping)
        self.handing_over = HandingOver(
            app, self.pace, owner=self.owner, monotonic=monotonic, safeguards=self.safeguards, stopping=self.stopping
        )

    def run(self) -> None:
        """Look, work and nap until told to stop; then let what is in flight finish."""
        threads = self.settings.texts_in_flight + ASIDE_THREADS
        with ThreadPoolExecutor(threads, thread_name_prefix="text") as pool:
            while not self.stopping.is_set():
                if self.look(pool.submit) == 0:
                    self.wake.wait(self._nap_seconds())
                    self.wake.clear()

    def look(self, submit: Callable[..., Any]) -> int:
        """Take up what is due now, as much as there is room for; return how much, or 1 when it is worth waiting."""
        free = self._free_places()
        has_little_room = free < self.settings.texts_in_flight // 4
        if free == 0 or (has_little_room and self.monotonic() < self._gathers_until):
            time.sleep(0.002)
            return 1
        self._gathers_until = self.monotonic() + GATHER_SECONDS
        found, decided = self._take_up(free, submit)
        for item in found:
            self._carries(+1)
            self._entrust(submit, item, decided)
        return len(found)

    def _entrust(self, submit: Callable[..., Any], item: leasing.Due, decided: Decided) -> None:
        """Have a thread carry a message; where none can be started just now, one of the others takes it up."""
        try:
            submit(self._carry, item, decided)
        except RuntimeError:
            log.exception("no thread could be started for message %s", item.id)

    def settle(self, limit: int = 1_000_000) -> int:
        """Do everything that is due now, here and at once; return how many steps it took (trials and commands)."""
        steps = 0
        while steps < limit:
            found, decided = self._take_up(self._free_places(), lambda work, *given: work(*given))
            if not found:
                break
            with self.app.app_context():
                slips = [self._begin(item, decided) for item in found]
                self.handing_over.write_down()
                for slip in filter(None, slips):
                    self._finish(slip)
            steps += len(found)
        return steps

    def _take_up(self, most: int, submit: Callable[..., Any]) -> tuple[list[leasing.Due], Decided]:
        with self.app.app_context():
            try:
                self._beat(submit)
                if self.handing_over.pulse.rehearsal:
                    return [], NOTHING_DECIDED
                self.safeguards.look(submit)
                found = self._lease(most, submit)
            except Exception:
                log.exception("the outbox could not be read")
                self.stopping.wait(1)
                return [], NOTHING_DECIDED
            leaving = [item.id for item in found if item.state == states.LEASED]
            return found, self.handing_over.decide_together(leaving)

    def _lease(self, most: int, submit: Callable[..., Any]) -> list[leasing.Due]:
        now = self.clock.now()
        standing = throttle()
        self.handing_over.throttled = not standing.is_free(now)
        if (silent := standing.down_since is not None) != self._silent:
            self._silent = silent
            log.error("Twilio does not answer: texts wait" if silent else "Twilio answers again: texts leave gently")
        if standing.probe_is_due(now):
            submit(self._probe)
        may_leave = standing.allowance(most, now)
        return leasing.lease(owner=self.owner, limit=most, may_leave=may_leave, pace=self.pace, now=now)

    def _carry(self, item: leasing.Due, decided: Decided) -> None:
        try:
            with self.app.app_context():
                slip = self._begin(item, decided)
                if slip is not None:
                    self.handing_over.write_down()
                    self._finish(slip)
        finally:
            self._carries(-1)

    def _begin(self, item: leasing.Due, decided: Decided) -> Slip | None:
        """Take the next step of a message; return what came back when that was handing it over."""
        try:
            return self._step(item, decided)
        except Exception as error:
            log.exception("message %s stumbled", item.id)
            self._stumble(item.id, error)
            return None

    def _finish(self, slip: Slip) -> None:
        message_id = slip.answer.intent.message_id
        try:
            self.handing_over.finish(slip)
        except Exception as error:
            log.exception("message %s stumbled", message_id)
            self._stumble(message_id, error)

    def _step(self, item: leasing.Due, decided: Decided) -> Slip | None:
        now = self.clock.now()
        if item.state == states.LEASED:
            return self.handing_over.send(item.id, decided)
        parked_unclear = item.state == states.NEEDS_REVIEW and not due.has_sid(item.id)
        if item.state in states.IN_FLIGHT or parked_unclear:
            resolving.resolve(message_id=item.id, sms=self.sms, quiet=self.handing_over.is_quiet(item), pace=self.pace,
                              now=now)  # fmt: skip
        elif item.state == states.CANCELLING:
            following.cancel(message_id=item.id, sms=self.sms, now=now)
        elif item.state in twins.SWEPT and due.orphan_sweep_is_due(item.id, now=now):
            twins.sweep_orphans(message_id=item.id, sms=self.sms, now=now)
        else:
            following.poll(message_id=item.id, sms=self.sms, now=now)
        return None

    def _probe(self) -> None:
        with self.app.app_context():
            try:
                throttling.probe(sms=self.sms, pace=self.pace, now=self.clock.now())
            except Exception:
                log.exception("Twilio could not be asked whether it answers")

    def _stumble(self, message_id: int, error: Exception) -> None:
        words = f"something went wrong here: {type(error).__name__}"
        try:
            delivery.stumble(message_id=message_id, words=words, now=self.clock.now())
        except Exception:
            log.exception("message %s could not be put back; its lease will lapse", message_id)

    def _beat(self, submit: Callable[..., Any]) -> None:
        rest = min(self.settings.sweep_seconds, 15)
        jumped = abs((self.clock.now() - self._beat_told).total_seconds()) > rest
        if self.monotonic() - self._beat_at < rest and not jumped:
            return
        self._beat_told = self.clock.now()
        self.safeguards.start()
        pulse = heart.beat(worker=self.owner, now=self.clock.now())
        self._say_what_changed(pulse)
        self.handing_over.pulse = pulse
        self.safeguards.after_beat(pulse.held)
        self.handing_over.forget()
        self._beat_at = self.monotonic()
        if pulse.rehearsal:
            return
        submit(self.housekeeping.keep)
        if pulse.skewed:
            submit(self._hear_the_time)

    def leave(self) -> None:
        """Say that this worker ends, so that nobody takes it for one that has broken down."""
        with self.app.app_context():
            try:
                heart.leave(worker=self.owner)
            except Exception:
                log.exception("it could not be written down that this worker ends")

    def _say_what_changed(self, pulse: heart.Pulse) -> None:
        before = self.handing_over.pulse
        for words, was, now_is in (
            ("Twilio refuses the account: texts wait", before.refused, pulse.refused),
            ("this machine's clock is not Twilio's", before.skewed, pulse.skewed),
        ):
            if now_is != was:
                log.log(logging.ERROR if now_is else logging.WARNING, "%s%s", "" if now_is else "over: ", words)

    def _hear_the_time(self) -> None:
        with self.app.app_context():
            try:
                self.handing_over.hear(self.sms.ask_time(), took=False, now=self.clock.now())
            except Exception:
                log.exception("Twilio's time could not be learnt")

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
        shortest = THROTTLED_NAP_SECONDS if self.handing_over.throttled else 0.005
        return min(longest, max(shortest, (next_at - self.clock.now()).total_seconds()))


def serve(app: Flask) -> None:
    """Run the worker and its Huey consumer in the foreground until SIGTERM or Ctrl-C."""
    worker = Worker(app)
    end_after(worker.pace.standstill_seconds)
    queue: Alarms = app.extensions["alarms"]
    queue.listen()
    logs.started("worker", worker.settings)
    watch = Watch(app, calls_dead_man=False)
    watch.begin()

    def stop(*_: object) -> None:
        worker.stopping.set()
        worker.wake.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run()
    worker.leave()
    watch.end()
    queue.close()
    worker.sms.close()
    logs.ended("worker")
