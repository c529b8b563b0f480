"""What the doors of this process took and refused, by minute, until it is fetched to be written down."""

import threading
from collections import Counter

import pendulum

MOST_MINUTES = 60  # kept while nobody fetches them


class Tally:
    """Counts of the webhooks of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[pendulum.DateTime] = Counter()
        self._refused: Counter[pendulum.DateTime] = Counter()

    def count(self, *, taken: bool, now: pendulum.DateTime) -> None:
        """Count one."""
        counter = self._taken if taken else self._refused
        with self._lock:
            minute = now.start_of("minute")
            if minute in counter or len(counter) < MOST_MINUTES:
                counter[minute] += 1

    def fetch(self) -> dict[pendulum.DateTime, tuple[int, int]]:
        """Take out what was counted: by minute (UTC), how many were taken and how many refused."""
        with self._lock:
            minutes = {*self._taken, *self._refused}
            found = {minute: (self._taken[minute], self._refused[minute]) for minute in minutes}
            self._taken.clear()
            self._refused.clear()
        return found

    def put_back(self, found: dict[pendulum.DateTime, tuple[int, int]]) -> None:
        """Count again what could not be written down."""
        with self._lock:
            for minute, (taken, refused) in found.items():
                self._taken[minute] += taken
                self._refused[minute] += refused
