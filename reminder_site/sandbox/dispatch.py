"""Moves texts along as their moments come: scheduled → queued → sent → delivered, with the callback each step owes.

Owns when and in which order; a step is judged at the moment it was due, even when the clock has jumped past it.
"""

import threading

from reminder_site.sandbox.callbacks import Callbacks
from reminder_site.sandbox.clock import SandboxClock, minute_digits
from reminder_site.sandbox.faults import Switchboard
from reminder_site.sandbox.optout import is_blocked
from reminder_site.sandbox.segments import count_segments
from reminder_site.sandbox.store import Message, Store

BATCH = 200
LONGEST_WAIT_S = 60.0
CHANNELS = ("whatsapp:", "rcs:", "messenger:")


class Dispatcher:
    """One thread that sleeps until the next step is due; `run_due` does the same at once for whoever sets the clock."""

    def __init__(
        self, store: Store, clock: SandboxClock, faults: Switchboard, callbacks: Callbacks, account_sid: str
    ) -> None:
        self._store, self._clock, self._faults, self._callbacks = store, clock, faults, callbacks
        self._account_sid = account_sid
        self._running = threading.Lock()
        self._woken = threading.Event()
        self._held_lock = threading.Lock()
        self._held = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="sandbox-dispatch", daemon=True)

    def start(self) -> None:
        """Take up what an earlier process left unfinished, and go on."""
        self._store.rows(
            "UPDATE message SET next_at = created_at WHERE next_at IS NULL AND status IN ('accepted', 'queued')"
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self.wake()
        self._thread.join(timeout=20)

    def hold(self) -> None:
        """Note that a new text may not move before its create has been answered; `release` must follow."""
        with self._held_lock:
            self._held += 1

    def release(self, message: Message) -> None:
        """Let a held text move."""
        self._store.rows("UPDATE message SET next_at = ? WHERE sid = ?", message.created_at, message.sid)
        with self._held_lock:
            self._held -= 1
        self.wake()

    def wake(self) -> None:
        """Look again at what is due, because the clock or the texts have changed."""
        self._woken.set()

    def idle(self) -> bool:
        """Tell whether nothing is due and nothing is held."""
        with self._running:
            # What is held becomes due before it is let go: asked in this order, neither question can miss it.
            return not self._held and self._due_first(self._clock.now()) is None

    def next_due_at(self) -> float | None:
        """Give the moment of the next step, however far ahead."""
        value = self._store.value("SELECT min(next_at) FROM message WHERE next_at IS NOT NULL")
        return None if value is None else float(value)

    def run_due(self) -> None:
        """Do every step that is due by the sandbox clock, in the order of their moments."""
        with self._running:
            now = self._clock.now()
            while (first := self._due_first(now)) is not None:
                with self._store.transaction():
                    # Steps of one moment together; a later moment only after what those steps make due before it.
                    due = self._store.messages("WHERE next_at = ? ORDER BY id LIMIT ?", first, BATCH)
                    for message in due:
                        self._step(message, first)

    def announce(self, message: Message) -> None:
        """Send the callback that a message's present status owes."""
        if not message.status_callback:
            return
        parameters = {
            "AccountSid": self._account_sid, "ApiVersion": "2010-04-01", "MessageSid": message.sid,
            "SmsSid": message.sid, "MessageStatus": message.status, "SmsStatus": message.status,
            "To": message.recipient,
        }  # fmt: skip
        if message.sender:
            parameters["From"] = message.sender
        if message.service_sid:
            parameters["MessagingServiceSid"] = message.service_sid
        if message.error_code:
            parameters["ErrorCode"] = str(message.error_code)
        if message.status in ("delivered", "undelivered"):
            parameters["RawDlrDoneDate"] = minute_digits(message.updated_at)
        self._callbacks.send(message.status_callback, parameters)

    def _run(self) -> None:
        while True:
            self._woken.clear()
            if self._stopped:
                return
            self.run_due()
            self._woken.wait(self._wait_s())

    def _wait_s(self) -> float:
        due_at, speed = self.next_due_at(), self._clock.speed
        ahead_s = LONGEST_WAIT_S if due_at is None else max(due_at - self._clock.now(), 0.0)
        # A clock that stands still brings nothing nearer, yet what is due already must not wait.
        return min(ahead_s / speed if speed else ahead_s * LONGEST_WAIT_S, LONGEST_WAIT_S)

    def _due_first(self, now: float) -> float | None:
        value = self._store.value("SELECT min(next_at) FROM message WHERE next_at <= ?", now)
        return None if value is None else float(value)

    def _step(self, message: Message, at: float) -> None:
        message.updated_at = at
        message.next_at = None
        if message.status in ("accepted", "scheduled"):
            self._queue(message, at)
        elif message.status == "queued":
            self._send(message, at)
        else:
            self._finish(message)
        self._store.update(message)

    def _queue(self, message: Message, at: float) -> None:
        message.sender = message.sender or self._pick_sender(message)
        message.num_segments = count_segments(message.body)
        blocked = is_blocked(self._store, message.service_sid or message.sender or "", message.recipient)
        if blocked or not message.sender:
            self._end(message, "failed", 21610 if blocked else 21704)
            return
        message.status = "queued"
        message.next_at = at + self._faults.settings.pace_s
        self.announce(message)

    def _send(self, message: Message, at: float) -> None:
        result, code = self._faults.carrier_result(message.recipient)
        if message.valid_s is not None and at > self._valid_from(message) + message.valid_s:
            result, code = "failed", 30036
        if result == "failed":
            self._end(message, "failed", code)
            return
        message.status, message.sent_at = "sent", at
        if result != "sent":
            message.next_at = at + self._faults.settings.pace_s
        self.announce(message)

    def _valid_from(self, message: Message) -> float:
        """When the validity of a scheduled text begins is not documented: as it is made, or as it is to be sent."""
        by_creation = self._faults.settings.validity_from_creation or message.send_at is None
        return message.created_at if by_creation else message.send_at or message.created_at

    def _finish(self, message: Message) -> None:
        result, code = self._faults.carrier_result(message.recipient)
        lost = result == "undelivered"
        self._end(message, "undelivered" if lost else "delivered", code if lost else None)

    def _end(self, message: Message, status: str, code: int | None) -> None:
        message.status, message.error_code = status, code
        self.announce(message)

    def _pick_sender(self, message: Message) -> str | None:
        number = self._store.value(
            "SELECT number FROM number WHERE service_sid = ? ORDER BY rowid LIMIT 1", message.service_sid
        )
        channel = next((prefix for prefix in CHANNELS if message.recipient.startswith(prefix)), "")
        return f"{channel}{number}" if number else None
