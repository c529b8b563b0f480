"""The sandbox as one thing: its clock, store, switchboard, callbacks and dispatcher, wired together.

Owns starting, stopping and emptying; speaks no HTTP.
"""

import json
import threading
from pathlib import Path

from reminder_site.sandbox import identity
from reminder_site.sandbox.callbacks import Callbacks
from reminder_site.sandbox.clock import Reading, SandboxClock
from reminder_site.sandbox.dispatch import Dispatcher
from reminder_site.sandbox.faults import Switchboard
from reminder_site.sandbox.identity import Identity
from reminder_site.sandbox.store import Store


class Exchange:
    """A telephone exchange: everything between a request from the site and a text on a phone."""

    def __init__(self, db: str | Path, who: Identity | None = None, *, pace_s: float = 0.0, zone: str = "UTC") -> None:
        self.who = who or Identity()
        self.store = Store(db)
        kept = self.store.setting("clock")
        self.clock = SandboxClock(Reading(**kept) if kept else None, self._keep_clock)
        self.faults = Switchboard(pace_s)
        self.callbacks = Callbacks(self.faults, self.who.auth_token)
        self.dispatcher = Dispatcher(self.store, self.clock, self.faults, self.callbacks, self.who.account_sid)
        self._default_zone = zone
        self._stopping = threading.Event()
        self._furnish()

    @property
    def zone(self) -> str:
        """The IANA zone in which the phones show their times."""
        return self.store.setting("zone") or self._default_zone

    def start(self) -> None:
        """Begin to dispatch and to call back."""
        self.callbacks.start()
        self.dispatcher.start()

    def stop(self) -> None:
        """End both and close the file."""
        self._stopping.set()
        self.dispatcher.stop()
        self.callbacks.stop()
        self.store.close()

    def reset(self) -> None:
        """Forget every text, opt-out, trouble and the set clock; the account and its sender stay."""
        with self.store.transaction():
            self.callbacks.forget()
            self.store.empty()
            self._furnish()
        self.faults.clear()
        self.clock.forget()

    def set_clock(self, at: float | None = None, speed: float | None = None) -> None:
        """Set the clock's moment (seconds since 1970 UTC), its speed or both, and send all that is due by then."""
        self.clock.set(at, speed)
        self.dispatcher.run_due()

    def idle(self) -> bool:
        """Tell whether nothing is due, nothing waits for its answer to be written and no callback is under way."""
        return self.dispatcher.idle() and self.callbacks.idle()

    def pause(self, seconds: float) -> None:
        """Wait so many machine seconds, or until the sandbox stops."""
        if seconds > 0:
            self._stopping.wait(seconds)

    def _keep_clock(self, reading: Reading | None) -> None:
        self.store.keep("clock", reading and {"at": reading.at, "real_at": reading.real_at, "speed": reading.speed})
        self.dispatcher.wake()

    def _furnish(self) -> None:
        fields = json.dumps({"friendly_name": "Sandbox", "inbound_request_url": self.who.inbound_url})
        with self.store.transaction():
            self.store.rows(
                "INSERT OR REPLACE INTO service VALUES (?, ?, ?)",
                self.who.messaging_service_sid, self.clock.now(), fields,
            )  # fmt: skip
            self.store.rows(
                "INSERT OR IGNORE INTO number (sid, number, service_sid) VALUES (?, ?, ?)",
                identity.SENDER_NUMBER_SID, identity.SENDER_NUMBER, self.who.messaging_service_sid,
            )  # fmt: skip
