"""Days, times and durations read as people say them."""

from datetime import date, datetime, time

import pendulum
import pytest

from reminder_site.domain.spoken import clock, day, duration_words, long_day, moment_words, since_words, until_words

NOW = pendulum.datetime(2026, 3, 1, 15)


@pytest.mark.parametrize(
    ("local", "words"),
    [
        (time(0, 5), "12:05 am"),
        (time(9), "9:00 am"),
        (time(12), "12:00 pm"),
        (datetime(2026, 3, 3, 14, 30, 59), "2:30 pm"),
    ],
)
def test_a_wall_time_is_said_on_the_twelve_hour_clock(local, words):
    assert clock(local) == words


def test_a_day_has_its_year_only_when_it_is_another_one():
    assert day(date(2026, 3, 3), date(2026, 12, 31)) == "Tue 3 Mar"
    assert day(date(2027, 1, 1), date(2026, 12, 31)) == "Fri 1 Jan 2027"
    assert long_day(date(2026, 11, 1)) == "Sunday 1 November 2026"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (pendulum.datetime(2026, 3, 3, 14, 30), "Tue 3 Mar, 2:30 pm · in 2 days"),
        (pendulum.datetime(2026, 3, 2, 22), "Mon 2 Mar, 10:00 pm · tomorrow"),
        (pendulum.datetime(2026, 3, 2, 1), "Mon 2 Mar, 1:00 am · in 10 hours"),
        (pendulum.datetime(2026, 3, 1, 15, 5), "Sun 1 Mar, 3:05 pm · in 5 min"),
        (pendulum.datetime(2026, 3, 1, 14, 57), "Sun 1 Mar, 2:57 pm · 3 min ago"),
        (pendulum.datetime(2026, 3, 1, 1), "Sun 1 Mar, 1:00 am · 14 hours ago"),
        (pendulum.datetime(2026, 2, 28, 1), "Sat 28 Feb, 1:00 am · yesterday"),
        (pendulum.datetime(2025, 12, 31, 9), "Wed 31 Dec 2025, 9:00 am · 60 days ago"),
    ],
)
def test_an_instant_is_said_with_its_distance_in_calendar_days(at, words):
    assert moment_words(at, "Europe/London", NOW) == words


def test_an_instant_is_said_in_the_clinics_zone():
    assert moment_words(NOW, "America/New_York", NOW) == "Sun 1 Mar, 10:00 am · now"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (12, "in 12 s"),
        (59.5, "in 1 min"),
        (-180, "3 min ago"),
        (5_400, "in 90 min"),
        (7_199, "in 2 hours"),
        (129_600, "in 36 hours"),
        (172_790, "in 2 days"),
        (-864_000, "10 days ago"),
    ],
)
def test_a_distance_is_said_in_the_unit_that_misleads_least(seconds, words):
    assert until_words(NOW.add(seconds=seconds), NOW) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (2_700, "45 min"),
        (3_600, "1 hour"),
        (5_400, "1 hour 30 min"),
        (86_460, "1 day"),
        (180_000, "2 days 2 hours"),
    ],
)
def test_a_length_of_time_is_said_in_two_units_at_most(seconds, words):
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (datetime(2026, 11, 2, 13, 23), "since 8:23 am (37 min)"),
        (datetime(2026, 11, 2, 13, 59, 59, 900_000), "since 8:59 am (just now)"),
        (datetime(2026, 11, 2, 6), "since 1:00 am (8 hours)"),
        (datetime(2026, 10, 31, 15), "since Sat 31 Oct, 11:00 am (47 hours)"),
    ],
)
def test_since_when_something_lasts(since, words):
    at, now = pendulum.instance(since, tz="UTC"), pendulum.datetime(2026, 11, 2, 14, tz="UTC")
    assert since_words(at, "America/New_York", now) == words
