"""Carries hints to the queue on a thread of its own: whoever gives one never waits for the queue. Knows no Huey."""

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

MOST_DELAYED = 1000
IDLE_SECONDS = 1.0
STEPS_PER_SECOND = 10  # hints that are due in the same tenth of a second are one


class HintThread:
    """The hints one process has noted and not yet carried; its daemon thread runs while there are any.

    `send` takes one hint to the queue, to be heard so many seconds from now; `question` asks the queue anything. Both
    run on the thread only. When one fails, `failed` hears of it and all hints noted so far are given up.
    """

    def __init__(
        self, send: Callable[[float], None], question: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        self._send, self._question, self._failed = send, question, failed
        self._changed = threading.Condition()
        self._at_once = False
        self._due: list[float] = []
        self._asked: Future[bool] | None = None
        self._at_work = self._running = False

    def note(self, delay_seconds: float = 0) -> None:
        """Note a hint; equal ones are one, and of too many delayed ones the last due are dropped."""
        with self._changed:
            if delay_seconds <= 0:
                self._at_once = True
            else:
                due = math.ceil((time.monotonic() + delay_seconds) * STEPS_PER_SECOND) / STEPS_PER_SECOND
                place = bisect_left(self._due, due)
                if self._due[place : place + 1] != [due]:
                    self._due.insert(place, due)
                    del self._due[MOST_DELAYED:]
            self._wake()

    def ask(self, seconds: float) -> bool:
        """Say whether the queue answers the question within so many seconds; hints that wait do not come first."""
        with self._changed:
            if self._asked is None:
                self._asked = Future()
            asked = self._asked
            self._wake()
        try:
            return asked.result(seconds)
        except TimeoutError:
            return False

    def flush(self, seconds: float) -> bool:
        """Wait until all that was noted has been carried or given up; False when the time was over before."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._at_work or self._has_work()), seconds)

    def _has_work(self) -> bool:
        return self._at_once or bool(self._due) or self._asked is not None

    def _wake(self) -> None:
        if self._running:
            self._changed.notify_all()
            return
        with suppress(RuntimeError):  # a machine without room for a thread: the next hint tries again
            threading.Thread(target=self._run, name="hints", daemon=True).start()
            self._running = True

    def _run(self) -> None:
        while (step := self._next()) is not None:
            step()

    def _next(self) -> Callable[[], None] | None:
        """Wait for something to do; None when there was nothing for a while and the thread is to end."""
        with self._changed:
            self._at_work = False
            self._changed.notify_all()
            if not self._changed.wait_for(self._has_work, IDLE_SECONDS):
                self._running = False
                return None
            self._at_work = True
            if self._asked is not None:
                return self._answer
            if self._at_once:
                self._at_once = False
                return lambda: self._carry(0)
            delay_seconds = self._due.pop(0) - time.monotonic()
            return lambda: self._carry(max(0, delay_seconds))

    def _carry(self, delay_seconds: float) -> None:
        try:
            self._send(delay_seconds)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next hint is tried
            with self._changed:
                self._at_once = False
                self._due.clear()
            self._failed(error)

    def _answer(self) -> None:
        try:
            self._question()
            well = True
        except Exception as error:  # noqa: BLE001 - `failed` hears of it
            self._failed(error)
            well = False
        with self._changed:
            asked, self._asked = self._asked, None
        if asked is not None:
            asked.set_result(well)
