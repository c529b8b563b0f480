"""What the tests of the pure rules share: the real clock changes, and an appointment with defaults."""

import gzip
from datetime import datetime, timedelta
from pathlib import Path

import pendulum
import pytest
from hypothesis import settings

from reminder_site.domain.planning import DEFAULT_RULES, Facts, plan
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.times import moment

NINE_TO_SEVEN = QuietHours()
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


def generated(few, many):
    """Settings of a test on generated cases: few in the suite, many when `make campaign` looks for new ones."""
    searching = settings.get_current_profile_name() == "searching"
    return settings(max_examples=many if searching else few, deadline=None)


@pytest.fixture(scope="session")
def clock_changes():
    """Every offset change of every zone 2024-2031 and of the odd ones since 2005, one dictionary a row."""
    folder = SHARED_DATA / "tz"
    if not folder.exists():
        pytest.skip("the shared test data is not here")
    files = (folder / "transitions_2024_2031.tsv.gz", folder / "oddities_2005_2031.tsv.gz")
    rows = [row for file in files for row in table(file)]
    assert len(rows) == 3_100 + 1_125
    return rows


@pytest.fixture(scope="session")
def old_zone_names():
    """The 256 old names of zones with today's."""
    file = SHARED_DATA / "tz" / "backward"
    if not file.exists():
        pytest.skip("the shared test data is not here")
    return [line.split()[1:3] for line in file.read_text("utf-8").splitlines() if line.startswith("Link")]


def table(file):
    """Read a packed table, its instants as UTC, its wall times naive."""
    head, *lines = gzip.open(file, "rt", encoding="utf-8").read().splitlines()
    rows = [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]
    for row in rows:
        row["utc"] = pendulum.parse(row["utc"])
        for name in ("local_last_before", "local_first_after"):
            row[name] = datetime.fromisoformat(row[name])
        row["jump"] = timedelta(minutes=abs(int(row["jump_min"])))
    return rows


@pytest.fixture
def facts():
    """Make the facts of an appointment from wall times: booked Mon 2 Nov 2026 9:15 am for Fri 20 Nov, 2:30 pm."""

    def make(
        starts=datetime(2026, 11, 20, 14, 30), *, booked=datetime(2026, 11, 2, 9, 15), zone="America/New_York", **more
    ):
        starts_at = moment(starts, zone, choice="first").at
        more = {"timed_at": moment(booked, zone, choice="first").at} | more
        return Facts(starts_at=starts_at, starts_local=starts, zone=zone, ends_at=starts_at.add(minutes=30), **more)

    return make


@pytest.fixture
def planned():
    """Plan by default rules and hours, at the instant of booking; steps by key."""

    def make(facts, rules=DEFAULT_RULES, *, quiet=NINE_TO_SEVEN, closed=None, now=None, **more):
        return {step.key: step for step in plan(facts, rules, quiet, closed or {}, now or facts.timed_at, **more)}

    return make
