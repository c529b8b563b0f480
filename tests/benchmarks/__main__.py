"""`python -m tests.benchmarks`: runs the benchmarks that are named, or all, and writes the report."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import at_size, by_hand, callbacks, hand_over, planning, rest
from tests.benchmarks.measure import Scale, yardstick
from tests.benchmarks.site import Site

REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
ON_POSTGRES = {"store": "postgresql"}
BENCHMARKS = {
    "start-up": (rest.start_up, {}),
    "at-size": (at_size.run, {}),
    "at-size-postgresql": (at_size.run, ON_POSTGRES),
    "hand-over": (hand_over.run, {"texts_in_flight": 64}),
    "hand-over-postgresql": (hand_over.run, {"texts_in_flight": 64, **ON_POSTGRES}),
    "broadcast": (hand_over.broadcast, {"texts_in_flight": 64}),
    "broadcast-wide": (hand_over.broadcast, {"texts_in_flight": 200}),
    "callbacks": (callbacks.run, {}),
    "callbacks-postgresql": (callbacks.run, ON_POSTGRES),
    "by-hand": (by_hand.run, {}),
    "by-hand-postgresql": (by_hand.run, ON_POSTGRES),
    "planning": (planning.run, {}),
    "idle": (rest.idle, {}),
    "weight": (rest.weight, {}),
}
HEAD = """# Benchmarks

What `make bench` measured when it was last run. Each benchmark has a site of its own, run as it is run for real: web
server, worker and sandbox are processes of their own on one machine, SQLite waits for the disk at each commit, and a
name that ends in "postgresql" has PostgreSQL instead. CPU is what the named process itself used; that of PostgreSQL and
of the sandbox is not in it.

The last column says how far to trust a line. The load is that of the machine as the benchmark began: with nothing else
to do it is below the number of cores, and above it all wall times, and to some degree CPU times, are too long. The
yardstick is the CPU time of a small job that is always the same; figures taken with different yardsticks compare only
in proportion to them. Goals stand here whether they are met or not; those of parts the site does not have yet (requests
by API, imports, accepting a broadcast) are not measured.

"""
COLUMNS = ("benchmark", "what", "how it is measured", "figure", "goal", "met", "day, load, yardstick")
VERDICT = {True: "yes", False: "NO", None: "–"}


def main():
    """Run what was named; keep the rows of what was not. Exits 0 also when a goal is missed: the report says so."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all when none is named"
    )
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("--rows", type=int, default=Scale.rows, help="how many rows the big tables hold")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an interrupted benchmark leaves no process behind
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name in given.names or BENCHMARKS:
        _keep(given.report, name, _measured(name, Scale(rows=given.rows)))


def _measured(name, scale):
    """Run one benchmark on a site of its own; return its lines of the report."""
    run, wanted = BENCHMARKS[name]
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    when = f"{datetime.now(UTC).date()}, {load}, {yardstick():.0f} ms"
    print(f"{name}: {when}", flush=True)  # noqa: T201
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, Site(Path(folder), speed=1, **wanted) as site:
        lines = []
        for row in run(site, scale):
            cells = name, row.what, row.how, row.figure, row.goal or "–", VERDICT[row.met], when
            lines.append("| " + " | ".join(cells) + " |")
            print(f"  {row.what}: {row.figure}; goal {row.goal or '–'}: {VERDICT[row.met]}", flush=True)  # noqa: T201
    print(f"  took {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
    return lines


def _keep(report, name, lines):
    """Put one benchmark's lines in the one table of the report."""
    kept = report.read_text().splitlines() if report.exists() else []
    of = {known: [line for line in kept if line.startswith(f"| {known} | ")] for known in BENCHMARKS} | {name: lines}
    rule = "|".join(["", *["---"] * len(COLUMNS), ""])
    table = [f"| {' | '.join(COLUMNS)} |", rule, *(line for known in BENCHMARKS for line in of[known])]
    report.parent.mkdir(parents=True, exist_ok=True)
    python = f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}."
    report.write_text(HEAD + "\n".join([*table, "", python]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
