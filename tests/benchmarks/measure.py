"""How figures are taken: wall and CPU time, memory, spreads, and a row of the report."""

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Scale:
    """How much of everything; the defaults are what the report is made with."""

    rows: int = 1_000_000
    few_rows: int = 10_000
    a_day: int = 100
    runs: int = 300
    due: int = 5_000
    texts: int = 1_000
    broadcast: int = 10_000
    receipts: int = 10_000
    at_once: int = 8
    web_workers: int = 2
    starts: int = 5
    ahead_seconds: int = 4
    idle_seconds: float = 30


@dataclass(frozen=True)
class Row:
    """One line of the report; `met` is None where no goal was set."""

    what: str
    how: str
    figure: str
    goal: str = ""
    met: bool | None = None


class Spread:
    """Durations in seconds, told in milliseconds."""

    def __init__(self, seconds):
        self._sorted = sorted(seconds)

    def at(self, share):
        """Return the smallest duration, in ms, that so large a share of all does not exceed."""
        place = max(0, -(-len(self._sorted) * share // 100) - 1)
        return 1000 * self._sorted[int(place)]

    def share_within(self, seconds):
        """Return the share of all that took no longer."""
        return sum(one <= seconds for one in self._sorted) / len(self._sorted)

    @property
    def mean(self):
        """Return the mean in ms."""
        return 1000 * sum(self._sorted) / len(self._sorted)

    def __str__(self):
        parts = ", ".join(f"{name} {plain(self.at(share))}" for name, share in SHARES.items())
        return f"{parts} ms of {len(self._sorted)} runs"


SHARES = {"median": 50, "p95": 95, "p99": 99}


@dataclass
class Spent:
    """What a stretch of work took, in seconds."""

    wall: float = 0
    cpu: float = 0


@contextmanager
def spending(*pids):
    """Measure wall time and the CPU time of these processes and their children."""
    spent, began, cpu = Spent(), time.perf_counter(), cpu_seconds(*pids)
    yield spent
    spent.wall, spent.cpu = time.perf_counter() - began, cpu_seconds(*pids) - cpu


def timed(work, times):
    """Do something so often; return (wall, own CPU) in seconds for each."""
    taken = []
    for number in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work(number)
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    return taken


def yardstick():
    """Return the CPU time, in ms, of a job that is always the same: tells one machine, and one hour, from another."""
    taken = timed(lambda _number: sum(hash((n, str(n))) & 1 for n in range(100_000)), 5)
    return 1000 * min(cpu for _wall, cpu in taken)


def cpu_seconds(*pids):
    """Return the CPU time that processes and all their children have used so far."""
    return sum(_used(pid) for pid in family(*pids))


def memory_mb(*pids):
    """Return the memory of processes and their children, what they share counted once (PSS)."""
    kilobytes = 0
    for pid in family(*pids):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024


def family(*pids):
    """Return these processes and all that descend from them."""
    children = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            children.setdefault(int(_stat(entry.name)[1]), []).append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
    found, waiting = [], list(pids)
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def plain(number):
    """Write a figure with as many digits as mean anything."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _used(pid):
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _stat(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
