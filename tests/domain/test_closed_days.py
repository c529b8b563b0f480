"""A clinic's closed days are its country's and region's public holidays and its own dates."""

from datetime import date

from reminder_site.domain.closed_days import closed_days, regions


def test_public_holidays_of_the_country_are_closed_days():
    days = closed_days("GB", None, [2026, 2027], {})
    assert days[date(2026, 12, 25)] == "Christmas Day"
    assert date(2027, 12, 25) in days
    assert date(2026, 12, 24) not in days


def test_a_region_has_holidays_of_its_own():
    saint_andrew = date(2026, 11, 30)
    assert saint_andrew in closed_days("GB", "SCT", [2026], {})
    assert saint_andrew not in closed_days("GB", "ENG", [2026], {})


def test_the_clinics_own_dates_join_and_name_the_day():
    own = {date(2026, 12, 25): "Closed for works", date(2026, 7, 1): "Staff day"}
    days = closed_days("GB", None, [2026], own)
    assert (days[date(2026, 12, 25)], days[date(2026, 7, 1)]) == ("Closed for works", "Staff day")
    assert closed_days("GB", None, [2026], {})[date(2026, 12, 25)] == "Christmas Day"


def test_a_country_or_region_without_a_calendar_leaves_the_clinics_own_dates():
    assert dict(closed_days("XX", None, [2026], {date(2026, 7, 1): "Staff day"})) == {date(2026, 7, 1): "Staff day"}
    assert date(2026, 12, 25) in closed_days("GB", "??", [2026], {})


def test_regions_are_offered_by_name():
    assert ("SCT", "Scotland") in regions("GB")
    assert ("NY", "New York") in regions("US")
    assert regions("XX") == ()
