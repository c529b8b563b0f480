"""The status callbacks on their way: in order for each message, many at once; late, lost, doubled or shuffled at will.

Owns the lanes and their threads; what a callback says, and that it is due, is decided by the dispatcher.
"""

import heapq
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from reminder_site.sandbox.faults import Switchboard
from reminder_site.sandbox.webhooks import Answer, Caller

LANES = 16
KEPT = 20_000


@dataclass(order=True, slots=True)
class Callback:
    """One call that has to be made, no sooner than `ready_at` on the machine's monotonic clock."""

    ready_at: float
    number: int
    url: str = field(compare=False)
    parameters: dict[str, str] = field(compare=False)

    @property
    def sid(self) -> str:
        """The message it speaks of."""
        return self.parameters["MessageSid"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one callback ended, for those who watch."""

    sid: str
    status: str
    url: str
    outcome: str
    http_status: int | None
    attempts: int


class Lane:
    """One thread that makes calls one after the other, the readiest first."""

    def __init__(self, auth_token: str, done: Callable[[Callback, Answer, int], None]) -> None:
        self._caller = Caller(auth_token)
        self._done = done
        self._heap: list[Callback] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sandbox-callbacks", daemon=True)

    def start(self) -> None:
        """Begin to make calls."""
        self._thread.start()

    def put(self, callback: Callback) -> None:
        """Queue a call."""
        with self._changed:
            heapq.heappush(self._heap, callback)
            self._changed.notify()

    def drop(self) -> list[Callback]:
        """Give up what has not begun, and tell what it was."""
        with self._changed:
            dropped, self._heap = self._heap, []
            return dropped

    def stop(self) -> None:
        """End the thread once its present call is over."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout=20)

    def _run(self) -> None:
        while callback := self._next():
            answer, attempts = self._caller.call(callback.url, callback.parameters)
            self._done(callback, answer, attempts)
        self._caller.close()

    def _next(self) -> Callback | None:
        with self._changed:
            while not self._stopped:
                wait_s = self._heap[0].ready_at - time.monotonic() if self._heap else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._heap)
                self._changed.wait(wait_s)
        return None


class Callbacks:
    """All lanes. The callbacks of one message keep to one lane, and so to their order, unless they are shuffled."""

    def __init__(self, faults: Switchboard, auth_token: str) -> None:
        self._faults = faults
        self._numbers = count()
        self._changed = threading.Condition()
        self._pending: Counter[str] = Counter()
        self._lanes = [Lane(auth_token, self._note) for _ in range(LANES)]
        self.log: deque[Outcome] = deque(maxlen=KEPT)

    def start(self) -> None:
        """Begin to make calls."""
        for lane in self._lanes:
            lane.start()

    def stop(self) -> None:
        """Give up what waits and end."""
        self.forget()
        for lane in self._lanes:
            lane.stop()

    def forget(self) -> None:
        """Give up every call that has not begun, and the log."""
        for lane in self._lanes:
            for callback in lane.drop():
                self._settle(callback.sid)
        self.log.clear()

    def send(self, url: str, parameters: dict[str, str]) -> None:
        """Send a callback on its way, through whatever trouble is drawn for it."""
        if self._faults.chance("lost"):
            return
        self._put(url, parameters)
        if self._faults.chance("doubled"):
            self._put(url, parameters)

    def idle(self) -> bool:
        """Tell whether no callback waits or is being made."""
        with self._changed:
            return not self._pending

    def wait_for(self, sid: str, timeout_s: float) -> None:
        """Wait until the callbacks of a message are through."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pending[sid], timeout_s)

    def _put(self, url: str, parameters: dict[str, str]) -> None:
        troubles = self._faults.settings.callbacks
        delay_s = self._faults.delay_s(troubles.late_s) if self._faults.chance("late") else 0.0
        lane = zlib.crc32(parameters["MessageSid"].encode())
        number = next(self._numbers)
        if self._faults.chance("shuffled"):
            delay_s += self._faults.delay_s(min(troubles.late_s, 0.4))
            lane += number
        with self._changed:
            self._pending[parameters["MessageSid"]] += 1
        self._lanes[lane % LANES].put(Callback(time.monotonic() + delay_s, number, url, parameters))

    def _note(self, callback: Callback, answer: Answer, attempts: int) -> None:
        status = callback.parameters["MessageStatus"]
        self.log.append(Outcome(callback.sid, status, callback.url, answer.outcome, answer.status, attempts))
        self._settle(callback.sid)

    def _settle(self, sid: str) -> None:
        with self._changed:
            self._pending[sid] -= 1
            if self._pending[sid] <= 0:
                del self._pending[sid]
            self._changed.notify_all()
