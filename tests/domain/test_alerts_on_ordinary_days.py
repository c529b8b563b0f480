"""No alert on an ordinary day, whatever the size of the site; `make campaign` takes a whole year of each."""

import os
from datetime import date

import pytest

from reminder_site.domain.alert_judging import judge
from reminder_site.domain.alert_measures import readings
from tests.domain.ordinary_days import SIZES, Site

A_YEAR = os.environ.get("HYPOTHESIS_PROFILE") == "searching"
# In the suite some days of each: a Thursday and what follows, with a weekend and Memorial Day.
BEGINS, DAYS, EVERY_SECONDS = (date(2026, 1, 1), 365, 120) if A_YEAR else (date(2026, 5, 21), 6, 1_800)


def told(site, days, every_seconds):
    """Judge all looks of some days; return what would have been told, and how many looks there were."""
    standing, events, looks = (), [], 0
    for at in range(3_600, days * 86_400, every_seconds):
        for second in (at, at + 30):
            found, now = site.figures(second), site.now(second)
            judged = judge(readings(found, now), standing, is_open=found.is_open, now=now)
            standing = [each for each in judged.standing if not each.over_at]
            events += [(now, event.what, event.standing.rule, event.standing.words) for event in judged.events]
            looks += 1
    return events, looks


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_told_anything(size):
    events, looks = told(Site(SIZES[size], BEGINS, DAYS, seed=1), DAYS, EVERY_SECONDS)
    assert looks > 500
    assert events == []
