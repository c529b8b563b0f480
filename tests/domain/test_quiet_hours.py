"""Texts outside the allowed hours move before, else after, else stay and are flagged; none is dropped."""

from datetime import date, datetime, time

import pytest

from reminder_site.domain.quiet_hours import QuietHours, Window
from reminder_site.domain.times import moment, to_local

ZONE = "Europe/London"
HOLIDAYS = {date(2026, 5, 25): "Spring Bank Holiday"}
LONG_AGO = datetime(2026, 1, 1)


def at(local):
    return moment(local, ZONE, choice="first").at


def shifted(local, *, starts=datetime(2026, 5, 29, 12), not_before=LONG_AGO, quiet=None, closed=HOLIDAYS, **more):
    window = Window(quiet or QuietHours(), ZONE, closed, **more)
    result = window.shift(at(local), starts_at=at(starts), not_before=at(not_before))
    return to_local(result.at, ZONE), result.why, result.flagged


@pytest.mark.parametrize("allowed", [datetime(2026, 5, 26, 9), datetime(2026, 5, 26, 18, 59, 59)])
def test_a_text_in_the_allowed_hours_stays(allowed):
    assert shifted(allowed) == (allowed, None, False)


@pytest.mark.parametrize(
    ("quiet", "moved", "why"),
    [
        (
            datetime(2026, 5, 27, 8, 59),
            datetime(2026, 5, 26, 18, 59),
            "moved from Wed 27 May 8:59 am to Tue 26 May 6:59 pm because reminders go out between 9:00 am and 7:00 pm",
        ),
        (
            datetime(2026, 5, 27, 19),
            datetime(2026, 5, 27, 18, 59),
            "moved from Wed 27 May 7:00 pm to Wed 27 May 6:59 pm because reminders go out between 9:00 am and 7:00 pm",
        ),
        (
            datetime(2026, 5, 24, 10),
            datetime(2026, 5, 23, 18, 59),
            "moved from Sun 24 May 10:00 am to Sat 23 May 6:59 pm because the clinic does not text on Sundays",
        ),
        (
            datetime(2026, 5, 25, 10),
            datetime(2026, 5, 23, 18, 59),
            "moved from Mon 25 May 10:00 am to Sat 23 May 6:59 pm "
            "because Mon 25 May is a closed day (Spring Bank Holiday)",
        ),
    ],
)
def test_a_quiet_text_goes_to_the_last_allowed_minute_before(quiet, moved, why):
    assert shifted(quiet) == (moved, why, False)


def test_it_goes_to_the_next_opening_when_the_minute_before_is_gone():
    moved, why, flagged = shifted(datetime(2026, 5, 24, 10), not_before=datetime(2026, 5, 23, 19))
    assert (moved, flagged) == (datetime(2026, 5, 26, 9), False)
    assert why.startswith("moved from Sun 24 May 10:00 am to Tue 26 May 9:00 am because")


@pytest.mark.parametrize(
    ("starts", "flagged"), [(datetime(2026, 5, 26, 11), False), (datetime(2026, 5, 26, 10, 59), True)]
)
def test_the_next_opening_must_leave_two_hours_before_the_start(starts, flagged):
    sunday = datetime(2026, 5, 24, 10)
    moved, why, is_flagged = shifted(sunday, starts=starts, not_before=datetime(2026, 5, 24))
    assert is_flagged == flagged
    assert moved == (sunday if flagged else datetime(2026, 5, 26, 9))
    assert why.startswith("sent all the same" if flagged else "moved")


def test_a_text_that_may_not_move_back_goes_forward():
    moved, why, _flagged = shifted(datetime(2026, 5, 26, 20), backwards=False, what="texts")
    assert moved == datetime(2026, 5, 27, 9)
    assert why.endswith("texts go out between 9:00 am and 7:00 pm")


def test_sundays_can_be_allowed():
    sunday = datetime(2026, 5, 24, 10)
    assert shifted(sunday, quiet=QuietHours(sundays=True)) == (sunday, None, False)


def test_midnight_closes_the_day_that_it_ends():
    late = QuietHours(time(9), time(0), sundays=True)
    assert shifted(datetime(2026, 5, 26, 23, 59), quiet=late)[1] is None
    assert shifted(datetime(2026, 5, 26, 0, 1), quiet=late, closed={})[0] == datetime(2026, 5, 25, 23, 59)


def test_a_clinic_that_is_closed_for_months_sends_and_flags():
    closed = {date.fromordinal(day): "Building works" for day in range(date(2026, 3, 1).toordinal(), 739_900)}
    assert shifted(datetime(2026, 5, 26, 10), closed=closed)[2]


@pytest.mark.parametrize(("opens", "closes"), [(time(9), time(9)), (time(19), time(9))])
def test_hours_with_nothing_between_them_are_refused(opens, closes):
    with pytest.raises(ValueError, match="earlier hour"):
        QuietHours(opens, closes)


@pytest.mark.parametrize(
    ("opens", "closes", "none"),
    [
        (time(0), time(0), True),
        (time(0, 1), time(23, 59), True),
        (time(6), time(0), False),
        (time(5, 59), time(0), True),
        (time(6), time(23), False),
        (time(9), time(19), False),
    ],
)
def test_less_than_six_quiet_hours_are_as_good_as_none(opens, closes, none):
    assert QuietHours(opens, closes).as_good_as_none is none
