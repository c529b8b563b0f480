"""When a night's tidying is due, and up to when things are kept."""

from datetime import date, datetime

import pendulum
import pytest

from reminder_site.domain.retention import Keeping, is_due

TODAY = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("local", "done_on", "due"),
    [
        (datetime(2026, 11, 2, 1, 0), None, True),
        (datetime(2026, 11, 2, 4, 59), date(2026, 11, 1), True),
        (datetime(2026, 11, 2, 0, 59), date(2026, 11, 1), False),
        (datetime(2026, 11, 2, 5, 0), date(2026, 11, 1), False),
        (datetime(2026, 11, 2, 3, 0), TODAY, False),
        (datetime(2026, 11, 2, 12, 0), None, False),
        (datetime(2026, 11, 2, 12, 0), date(2026, 10, 31), False),
        (datetime(2026, 11, 2, 12, 0), date(2026, 10, 30), True),
        (datetime(2026, 11, 2, 12, 0), date(2026, 11, 3), False),
    ],
)
def test_it_is_done_once_in_a_night_and_by_day_only_where_nights_were_missed(local, done_on, due):
    assert is_due(local, done_on) is due


def test_things_are_kept_for_as_long_as_the_clinic_says():
    now = pendulum.datetime(2026, 11, 2, tz="UTC")
    kept = Keeping(texts_kept_days=40, receipts_kept_days=10, appointments_kept_months=12)
    assert kept.texts_before(now) == pendulum.datetime(2026, 9, 23, tz="UTC")
    assert kept.receipts_before(now) == pendulum.datetime(2026, 10, 23, tz="UTC")
    assert kept.appointments_before(now) == pendulum.datetime(2025, 11, 2, tz="UTC")
