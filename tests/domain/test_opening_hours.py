"""What opening hours say about a time: a sentence where it is odd, nothing where it is not."""

from datetime import date, datetime

import pytest

from reminder_site.domain.opening_hours import seconds_open, warning

HOURS = {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")} | {
    "sat": ["09:00", "12:30"],
    "sun": None,
}
CLOSED = {date(2026, 12, 25): "Christmas Day"}


@pytest.mark.parametrize(
    ("local", "minutes", "words"),
    [
        (datetime(2026, 11, 20, 8, 0), 30, None),
        (datetime(2026, 11, 20, 17, 30), 30, None),
        (datetime(2026, 11, 20, 17, 31), 30, "open from 8:00 am to 6:00 pm on Fridays"),
        (datetime(2026, 11, 20, 7, 59), 10, "open from 8:00 am"),
        (datetime(2026, 11, 21, 12, 0), 30, None),
        (datetime(2026, 11, 21, 12, 15), 30, "to 12:30 pm on Saturdays"),
        (datetime(2026, 11, 22, 10, 0), 30, "closed on Sundays"),
        (datetime(2026, 12, 25, 10, 0), 30, "closed day (Christmas Day)"),
    ],
)
def test_a_time_outside_the_hours_is_said_in_words(local, minutes, words):
    said = warning(HOURS, CLOSED, local, minutes)
    assert said is None if words is None else words in said


@pytest.mark.parametrize("hours", [{}, {"mon": None}])
def test_a_clinic_without_hours_says_so(hours):
    assert "no opening hours yet" in warning(hours, {}, datetime(2026, 11, 20, 10), 30)


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        (datetime(2026, 11, 20, 17), datetime(2026, 11, 23, 9), 1 + 3.5 + 1),
        (datetime(2026, 11, 20, 19), datetime(2026, 11, 20, 23), 0),
        (datetime(2026, 11, 20, 9), datetime(2026, 11, 20, 9, 30), 0.5),
        (datetime(2026, 12, 24, 17), datetime(2026, 12, 26, 10), 1 + 0 + 1),
        (datetime(2026, 11, 20, 10), datetime(2026, 11, 20, 9), 0),
    ],
)
def test_the_open_hours_between_two_times_are_added_up(since, until, hours):
    assert seconds_open(HOURS, CLOSED, since, until) == hours * 3_600


def test_a_clinic_without_hours_counts_office_hours():
    assert seconds_open({}, {}, datetime(2026, 11, 20), datetime(2026, 11, 23)) == 8 * 3_600
