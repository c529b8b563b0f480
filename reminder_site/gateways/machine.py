"""The machine this process runs on: its name, and how full the disk is that the site's data lies on."""

import socket
from collections import deque
from pathlib import Path

from reminder_site.gateways.disk import room

SAMPLED_SECONDS = 3_600
LEAST_SECONDS = 1_800  # of watching, before anything is foretold


class Disk:
    """The disk of a folder; remembers an hour of how much was free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._samples: deque[tuple[float, int]] = deque()

    def look(self, at_seconds: float) -> tuple[float | None, float | None]:
        """Return the free share, and in how many seconds the disk is full at this pace; None where nobody can say.

        `at_seconds` is a stopwatch's.
        """
        try:
            free, total = room(self._folder)
        except OSError:
            return None, None
        while self._samples and self._samples[0][0] < at_seconds - SAMPLED_SECONDS:
            self._samples.popleft()
        self._samples.append((at_seconds, free))
        return free / total, self._full_in(at_seconds, free)

    def _full_in(self, at_seconds: float, free: int) -> float | None:
        begun, had = self._samples[0]
        if at_seconds - begun < LEAST_SECONDS:
            return None
        used = had - free
        return free * (at_seconds - begun) / used if used > 0 else float("inf")


def host() -> str:
    """Return this machine's name."""
    return socket.gethostname()[:64]
