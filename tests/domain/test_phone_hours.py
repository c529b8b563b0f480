"""A reminder heeds the phone's own night: nothing before 8 or after 9 pm there, unless no time suits both."""

from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder_site.domain.phones import zones_of
from reminder_site.domain.quiet_hours import QuietHours, Window
from reminder_site.domain.times import moment, to_local
from tests.domain.conftest import generated

NEW_YORK = "America/New_York"
HONOLULU, JAKARTA, KOLKATA = "Pacific/Honolulu", "Asia/Jakarta", "Asia/Kolkata"
STARTS = datetime(2026, 11, 20, 14, 30)
LONG_AGO = datetime(2026, 1, 1)


def at(local, zone=NEW_YORK):
    return moment(local, zone, choice="first").at


def shifted(local, *zones, quiet=None, starts=STARTS, closed=None, not_before=LONG_AGO):
    window = Window(quiet or QuietHours(), NEW_YORK, closed or {}, phone_zones=zones)
    result = window.shift(at(local), starts_at=at(starts), not_before=at(not_before))
    return to_local(result.at, NEW_YORK), result.why, result.flagged


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+12125550142", (NEW_YORK,)),
        ("+18085550142", (HONOLULU,)),
        ("+919812345678", (KOLKATA,)),
        ("+5215512345678", ()),
        ("nonsense", ()),
        ("", ()),
    ],
)
def test_a_prefix_says_where_a_phone_may_be(number, zones):
    assert zones_of(number) == zones


def test_some_prefixes_stand_for_several_zones():
    assert {"Australia/Perth", "Australia/Sydney"} <= set(zones_of("+61412345678"))
    assert len(zones_of("+79161234567")) > 5


def test_a_reminder_at_five_in_honolulu_waits_for_eight_there():
    moved, why, flagged = shifted(datetime(2026, 11, 17, 10), HONOLULU)
    assert (moved, flagged) == (datetime(2026, 11, 17, 13), False)
    assert why == (
        "moved from Tue 17 Nov 10:00 am to Tue 17 Nov 1:00 pm "
        "because it is 5:00 am in Honolulu, where this phone may be"
    )


def test_one_that_would_come_too_late_goes_to_the_evening_before():
    assert shifted(datetime(2026, 11, 20, 10), HONOLULU)[0] == datetime(2026, 11, 19, 18, 59)


def test_a_phone_whose_clock_shows_what_the_clinics_shows_changes_nothing():
    hospital = QuietHours(time(0), time(0), sundays=True)
    assert shifted(datetime(2026, 11, 17, 6), NEW_YORK, quiet=hospital) == (datetime(2026, 11, 17, 6), None, False)
    assert shifted(datetime(2026, 11, 17, 6), "America/Toronto", quiet=hospital)[1] is None


def test_of_several_zones_all_must_suit():
    evening = QuietHours(time(6), time(22))
    assert shifted(datetime(2026, 11, 17, 10), HONOLULU, KOLKATA, quiet=evening)[0] == datetime(2026, 11, 17, 21, 30)
    assert shifted(datetime(2026, 11, 17, 10), HONOLULU, "America/Denver")[0] == datetime(2026, 11, 17, 13)


def test_where_no_moment_suits_both_the_clinics_hours_count_and_it_says_so():
    moved, why, flagged = shifted(datetime(2026, 11, 17, 10), JAKARTA)
    assert (moved, flagged) == (datetime(2026, 11, 17, 10), False)
    assert why == (
        "though it is 10:00 pm in Jakarta, where this phone may be: no time suits both, so the clinic’s hours count"
    )


def test_a_sunday_of_the_clinics_is_kept_as_well():
    moved, why, _ = shifted(datetime(2026, 11, 15, 10), HONOLULU)
    assert moved == datetime(2026, 11, 14, 18, 59)
    assert "does not text on Sundays" in why


def test_a_text_held_up_waits_until_it_suits_both():
    window = Window(QuietHours(), NEW_YORK, {date(2026, 11, 18): "Training"}, phone_zones=(HONOLULU,))
    assert window.waits_until(at(datetime(2026, 11, 17, 9, 30))) == at(datetime(2026, 11, 17, 13))
    assert window.waits_until(at(datetime(2026, 11, 17, 14))) is None
    assert window.waits_until(at(datetime(2026, 11, 17, 20))) == at(datetime(2026, 11, 19, 13))
    nowhere = Window(QuietHours(), NEW_YORK, {}, phone_zones=(JAKARTA,))
    assert nowhere.waits_until(at(datetime(2026, 11, 17, 10))) is None
    assert nowhere.waits_until(at(datetime(2026, 11, 17, 20))) == at(datetime(2026, 11, 18, 9))


ZONES = st.sampled_from([HONOLULU, KOLKATA, JAKARTA, NEW_YORK, "Australia/Sydney", "Europe/London", "America/Denver"])
MINUTES = st.integers(0, 60 * 24 * 18)


@given(minutes=MINUTES, zones=st.lists(ZONES, max_size=3, unique=True))
@generated(60, 3000)
def test_wherever_the_phone_is_a_text_arrives_by_day_or_says_that_it_cannot(minutes, zones):
    wanted = at(datetime(2026, 11, 1)).add(minutes=minutes)
    window = Window(QuietHours(), NEW_YORK, {}, phone_zones=tuple(zones))
    placed = window.shift(wanted, starts_at=at(STARTS).add(days=3), not_before=at(LONG_AGO))
    assert placed.flagged or QuietHours().why_quiet(to_local(placed.at, NEW_YORK), {}) is None
    assert window.why_asleep(placed.at) is None or "no time suits both" in placed.why
