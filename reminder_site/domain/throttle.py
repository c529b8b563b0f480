"""How fast texts may leave: as fast as they come, gently after trouble, or not at all while Twilio is silent. Pure."""

from dataclasses import dataclass, replace
from typing import Final, Self

import pendulum

from reminder_site.domain.delivery import Pace

FULL_RATE_AGAIN_SECONDS: Final = 60
REST_SECONDS: Final = 60
CLOCKS_APART_SECONDS: Final = 5
BURST_SECONDS: Final = 0.3  # a little more than between two looks of a throttled worker
HALVED_ONCE_IN_SECONDS: Final = 1
LEAST_PER_SECOND: Final = 1.0
MANY_IN_A_ROW, A_FEW_IN_A_ROW = 10, 3
LONGEST_PROBE_WAIT: Final = 20  # times the first


@dataclass(frozen=True)
class Throttle:
    """A bucket of leave-takings that fills by `per_second`, up to 0.3 s worth of it; None: no bucket at all.

    While Twilio is silent (`down_since`, UTC) nothing flows in; a probe that is answered puts one leave-taking in.
    """

    full_rate: float
    per_second: float | None = None
    level: float = 0.0
    level_at: pendulum.DateTime | None = None
    slowed_at: pendulum.DateTime | None = None
    down_since: pendulum.DateTime | None = None
    down_why: str = ""
    probe_at: pendulum.DateTime | None = None
    failed_tries: int = 0

    def is_free(self, now: pendulum.DateTime) -> bool:
        """Say whether texts leave as fast as they come: never slowed, or nobody has looked for a whole minute."""
        return self.per_second is None or (self.is_over(now) and _seconds(self.level_at, now) >= REST_SECONDS)

    def allowance(self, most: int, now: pendulum.DateTime) -> int:
        """Return how many texts, `most` at the most, may leave now."""
        return most if self.is_free(now) else max(0, min(most, int(self._level(now) + 1e-9)))

    def spent(self, number: int, now: pendulum.DateTime, *, none_waits: bool) -> Self:
        """Take so many out of the bucket; once the trouble is over and no more text waits, do away with it.

        A full bucket alone says nothing: workers that stood still for a second leave it full with thousands waiting.
        """
        if self.per_second is None:
            return self
        if self.is_free(now) or (none_waits and self.is_over(now)):
            return replace(self, per_second=None, level=0.0)
        return replace(self, level=self._level(now) - number, level_at=self._latest(now))

    def slowed(self, now: pendulum.DateTime) -> Self:
        """Halve the rate, as Twilio's 429 asks; answers to texts that were under way together count once."""
        if self.down_since is not None:
            return self.answered(now)
        if not self.is_free(now) and _seconds(self.slowed_at, now) < HALVED_ONCE_IN_SECONDS:
            return self
        rate = self.full_rate if self.is_free(now) else max(LEAST_PER_SECOND, self._rate(now) / 2)
        return replace(self, per_second=rate, level=0.0, level_at=now, slowed_at=now)

    def silent(self, since: pendulum.DateTime, why: str, pace: Pace, now: pendulum.DateTime) -> Self:
        """Stop: texts get no answer since then (UTC)."""
        if self.down_since is not None:
            return self
        stopped = replace(self, per_second=0.0, level=0.0, level_at=now, down_since=since, down_why=why[:200])
        return stopped.asking(pace, now)

    def probe_is_due(self, now: pendulum.DateTime) -> bool:
        """Say whether it is time to ask whether Twilio answers again."""
        return self.down_since is not None and self.probe_at is not None and now >= self.probe_at

    def asking(self, pace: Pace, now: pendulum.DateTime) -> Self:
        """Note that Twilio is being asked now; the wait for the next time doubles with each text that tried in vain."""
        wait_seconds = pace.probe_seconds * min(LONGEST_PROBE_WAIT, 2**self.failed_tries)
        return replace(self, probe_at=now.add(microseconds=int(wait_seconds * 1e6)))

    def trying(self, now: pendulum.DateTime) -> Self:
        """Let one text try it: Twilio answers a question again. A try that no text has made yet is not a failed one."""
        if self.down_since is None or self.level >= 1:
            return self
        return replace(self, level=1.0, level_at=now, failed_tries=self.failed_tries + 1)

    def answered(self, now: pendulum.DateTime) -> Self:
        """Start again, gently: Twilio answers texts."""
        back = replace(self, per_second=self.full_rate, level=0.0, level_at=now, slowed_at=now)
        return replace(back, down_since=None, down_why="", probe_at=None, failed_tries=0)

    def is_over(self, now: pendulum.DateTime) -> bool:
        """Say whether Twilio answers, and has not asked to be spared for a minute."""
        return self.down_since is None and _seconds(self.slowed_at, now) >= REST_SECONDS

    def _latest(self, now: pendulum.DateTime) -> pendulum.DateTime:
        """Return until when the bucket has been filled; a worker whose clock is a little behind fills nothing twice."""
        a_little_behind = self.level_at is not None and 0 < _seconds(now, self.level_at) <= CLOCKS_APART_SECONDS
        return self.level_at if self.level_at is not None and a_little_behind else now

    def _rate(self, now: pendulum.DateTime) -> float:
        climbed = _seconds(self.slowed_at, now) * self.full_rate / FULL_RATE_AGAIN_SECONDS if self.slowed_at else 0.0
        return min(self.full_rate, (self.per_second or 0.0) + climbed)

    def _level(self, now: pendulum.DateTime) -> float:
        if self.down_since is not None:
            return self.level
        rate = self._rate(now)
        return min(max(1.0, BURST_SECONDS * rate), self.level + rate * _seconds(self.level_at, now))


@dataclass(frozen=True)
class Silence:
    """Texts in a row that one worker got no answer for: how many, and since when (UTC)."""

    count: int = 0
    since: pendulum.DateTime | None = None

    def after(self, unanswered: bool, now: pendulum.DateTime) -> Self:
        """Return the silence after one more text."""
        return replace(self, count=self.count + 1, since=self.since or now) if unanswered else type(self)()

    def is_outage(self, pace: Pace, now: pendulum.DateTime) -> bool:
        """Say whether Twilio is down: many in a row went unanswered, or a few over half a minute."""
        long = self.count >= A_FEW_IN_A_ROW and _seconds(self.since, now) >= pace.silence_seconds
        return long or self.count >= MANY_IN_A_ROW


def _seconds(since: pendulum.DateTime | None, now: pendulum.DateTime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
