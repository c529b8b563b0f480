"""Days and times of day as people and date fields write them."""

from datetime import date, time

import pytest

from reminder_site.domain.typed_times import NotATime, read_clock, read_day


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("14:30", time(14, 30)),
        ("14:30:00", time(14, 30)),
        ("1430", time(14, 30)),
        ("14.30", time(14, 30)),
        ("2:30 pm", time(14, 30)),
        ("2:30PM", time(14, 30)),
        ("2 p.m.", time(14)),
        ("12 am", time(0)),
        ("12pm", time(12)),
        (" 09:05 ", time(9, 5)),
        ("00:10", time(0, 10)),
    ],
)
def test_a_time_of_day_is_read_as_people_type_it(typed, meant):
    assert read_clock(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", " ", "9", "24:00", "9:60", "0 pm", "13 pm", "noon", "-1:00", "14:3", "14:30 14:30"]
)
def test_what_is_no_time_of_day_is_refused_in_words(typed):
    with pytest.raises(NotATime) as refused:
        read_clock(typed)
    assert refused.value.words


def test_a_day_is_read_as_date_fields_send_it():
    assert read_day(" 2026-11-20 ") == date(2026, 11, 20)
    assert read_day("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    "typed", ["", "2026-02-30", "2027-02-29", "0000-01-01", "20/11/2026", "2026-13-01", "26-11-20", "x"]
)
def test_what_is_no_day_is_refused_in_words(typed):
    with pytest.raises(NotATime) as refused:
        read_day(typed)
    assert refused.value.words
