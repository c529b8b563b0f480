"""Every benchmark runs, in its smallest form and on one site; nothing here says how long anything took."""

import pytest

from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.measure import Scale, Spread
from tests.benchmarks.site import Site

TINY = Scale(
    rows=60, few_rows=20, a_day=5, runs=2, due=4, texts=4, broadcast=4, receipts=4, at_once=2, web_workers=1, starts=1,
    idle_seconds=0.1, ahead_seconds=0,
)  # fmt: skip


@pytest.mark.slow
def test_every_benchmark_runs_and_says_what_it_found(tmp_path):
    """In the order of the report, for they share a site: the first ones fill it, the later ones add to it."""
    with Site(tmp_path, speed=1, texts_in_flight=64) as site:
        for run in dict.fromkeys(run for run, _wanted in BENCHMARKS.values()):
            rows = list(run(site, TINY))
            assert rows and all(row.what and row.how and row.figure for row in rows), run
            assert all((row.met is None) == (not row.goal) for row in rows), run


def test_a_spread_tells_shares_and_not_averages():
    spread = Spread([0.001] * 98 + [0.5, 1.0])
    assert (spread.at(50), spread.at(98), spread.at(99), spread.at(100)) == (1, 1, 500, 1000)
    assert (Spread([0.002]).at(99), spread.share_within(0.5)) == (2, 0.99)
