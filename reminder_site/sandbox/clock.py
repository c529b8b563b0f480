"""The sandbox's own clock: it can be set, run faster and stand still.

Nothing else in the sandbox reads the machine's time of day.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """How sandbox time follows machine time: at machine second `real_at` it was sandbox second `at`."""

    at: float
    real_at: float
    speed: float

    def seconds(self, real_now: float) -> float:
        """Give sandbox time, in seconds since 1970 UTC, at a machine time."""
        return self.at + (real_now - self.real_at) * self.speed


class SandboxClock:
    """Sandbox time in seconds since 1970 UTC; follows the machine until it is set."""

    def __init__(self, reading: Reading | None = None, save: Callable[[Reading | None], None] = lambda _: None) -> None:
        self._reading = reading
        self._save = save
        self._lock = threading.Lock()

    @property
    def speed(self) -> float:
        """How many sandbox seconds pass in a second; 0 when it stands still."""
        reading = self._reading
        return reading.speed if reading else 1.0

    def now(self) -> float:
        """Give the sandbox time in seconds since 1970 UTC."""
        reading, real_now = self._reading, time.time()
        return reading.seconds(real_now) if reading else real_now

    def set(self, at: float | None = None, speed: float | None = None) -> None:
        """Put the clock to a moment, change its speed, or both."""
        with self._lock:
            new_speed = self.speed if speed is None else speed
            self._reading = Reading(self.now() if at is None else at, time.time(), new_speed)
            self._save(self._reading)

    def forget(self) -> None:
        """Follow the machine again."""
        with self._lock:
            self._reading = None
            self._save(None)


def iso(at: float, *, fraction: bool = False) -> str:
    """Write a moment as ISO 8601 in UTC, in whole seconds unless the fraction is wanted."""
    text = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds" if fraction else "seconds")
    return text.replace("+00:00", "Z")


def rfc2822(at: float) -> str:
    """Write a moment as Twilio's 2010 API does: RFC 2822, always +0000."""
    return _rfc_text(int(at)) + " +0000"


def http_date(at: float) -> str:
    """Write a moment as an HTTP Date header."""
    return _rfc_text(int(at)) + " GMT"


def minute_digits(at: float) -> str:
    """Write a moment as carriers do in their receipts: YYMMDDhhmm."""
    return time.strftime("%y%m%d%H%M", time.gmtime(at))


def _rfc_text(second: int) -> str:
    moment = time.gmtime(second)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.tm_wday]
    month = ("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()[moment.tm_mon - 1]
    return (
        f"{day}, {moment.tm_mday:02d} {month} {moment.tm_year}"
        f" {moment.tm_hour:02d}:{moment.tm_min:02d}:{moment.tm_sec:02d}"
    )


def parse_moment(text: str) -> float:
    """Read an ISO 8601 moment that names its offset; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its offset, such as Z")
    return moment.timestamp()
