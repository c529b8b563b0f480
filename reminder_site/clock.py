"""The only reader of the clock. Doors ask it and hand `now` inwards; against the sandbox it follows that one's."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from threading import Lock

import pendulum

REFRESH_SECONDS = 0.5


class Clock:
    """Tells the time in UTC; `follow` is the sandbox's address, or empty for the machine's own clock."""

    def __init__(self, follow: str = "") -> None:
        self._follow = follow
        self._offset_seconds = 0.0
        self._asked = float("-inf")
        self._lock = Lock()

    def now(self) -> pendulum.DateTime:
        """Return the present instant (aware, UTC)."""
        if self._follow:
            self._refresh()
        return pendulum.from_timestamp(time.time() + self._offset_seconds)

    def machine_now(self) -> pendulum.DateTime:
        """Return the machine's own time (UTC): sessions and sign-in limits must not jump with the sandbox's clock."""
        return pendulum.from_timestamp(time.time())

    def real_seconds_until(self, moment: pendulum.DateTime) -> float:
        """Return how many real seconds from now a moment of this clock lies ahead (negative when past)."""
        return float((moment - self.now()).total_seconds())

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._asked < REFRESH_SECONDS:
                return
            self._asked = time.monotonic()
            try:
                with urllib.request.urlopen(self._follow + "/_sandbox/clock", timeout=0.5) as answer:  # noqa: S310
                    told = datetime.fromisoformat(json.load(answer)["now"])
            except (urllib.error.URLError, OSError, ValueError, KeyError):
                return
            self._offset_seconds = told.astimezone(UTC).timestamp() - time.time()
