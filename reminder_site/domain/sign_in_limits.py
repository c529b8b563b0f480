"""How often a password may be tried, so that guessing is hopeless and nobody from outside can lock staff out.

A device on which somebody has signed in before has a budget of its own for that account. All others share one, where
each wrong try makes the next wait longer; after a hundred they need a link that an administrator gives.
"""

from dataclasses import dataclass
from typing import Final

import pendulum

KNOWN_TRIES_AN_HOUR: Final = 10
MOST_IN_A_ROW: Final = 100  # NIST SP 800-63B: no more guesses than these
COUNTED_DAYS: Final = 30
LINK_HOURS: Final = 24
INVITED_DAYS: Final = 7  # how long a first password is good
TOLD_FROM: Final = 10  # wrong tries a day, until the account's owner and administrators are told


@dataclass(frozen=True)
class Delay:
    """How many tries are free, and the longest that the next one then waits."""

    free: int
    longest_seconds: int

    def seconds(self, wrong: int) -> int:
        """Return how long after the last of so many wrong tries the next one is looked at."""
        return 0 if wrong < self.free else min(self.longest_seconds, 2 ** min(wrong - self.free, 20))


UNKNOWN_DEVICES: Final = Delay(5, 900)  # by account
NETWORK: Final = Delay(50, 60)  # by address and hour, unknown devices alone


def wait_seconds(delay: Delay, wrong: int, last_at: pendulum.DateTime | None, now: pendulum.DateTime) -> int:
    """Return how many seconds are left to wait after the last wrong try; 0 when the next one may be made."""
    if last_at is None:
        return 0
    left = (last_at.add(seconds=delay.seconds(wrong)) - now).total_seconds()
    return max(0, -int(-left // 1))
