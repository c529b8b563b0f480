"""Every clock change of every zone 2024-2031, and 31 odd zones since 2005, through the site's own conversion."""

from datetime import timedelta

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder_site.domain import zones
from reminder_site.domain.times import DoubtfulTime, NoSuchTime, first_valid, moment, resolve, to_local
from tests.domain.conftest import generated

SECOND = timedelta(seconds=1)
KEYS = {"gap": ["earlier", "later"], "fold": ["first", "second"]}


def doubt(local, zone):
    with pytest.raises(DoubtfulTime) as question:
        moment(local, zone)
    return question.value


def inside(change):
    """The first, a middle and the last second that the clocks skip or show twice."""
    first = min(change["local_last_before"] + SECOND, change["local_first_after"])
    return first, first + change["jump"] / 2, first + change["jump"] - SECOND


def test_the_wall_time_is_right_one_second_before_and_at_each_change(clock_changes):
    for change in clock_changes:
        zone, at = change["zone"], change["utc"]
        before, after = to_local(at - SECOND, zone), to_local(at, zone)
        assert (before, after) == (change["local_last_before"], change["local_first_after"]), change
        assert after.fold == (change["kind"] == "fold"), change
        assert resolve(before, zone, before.fold) == at - SECOND, change
        assert resolve(after, zone, after.fold) == at, change


def test_every_time_inside_a_change_is_asked_about_and_both_answers_are_right(clock_changes):
    for change in clock_changes:
        shifts = [timedelta(seconds=int(change[f"offset_{side}_s"])) for side in ("before", "after")]
        for local in inside(change):
            question = doubt(local, change["zone"])
            expected = sorted(pendulum.instance(local) - shift for shift in shifts)
            assert [choice.at for choice in question.choices] == expected, change
            assert [choice.key for choice in question.choices] == KEYS[change["kind"]], change
            assert isinstance(question, NoSuchTime) == (change["kind"] == "gap"), change


def test_every_answer_can_be_stored_and_read_back(clock_changes):
    for change in clock_changes:
        for choice in doubt(inside(change)[1], change["zone"]).choices:
            placed = moment(inside(change)[1], change["zone"], choice=choice.key)
            assert placed.at == choice.at == resolve(placed.local, placed.zone, placed.fold), change


def test_the_times_around_a_change_are_not_asked_about(clock_changes):
    for change in clock_changes:
        first, _middle, last = inside(change)
        for local in (first - SECOND, last + SECOND):
            assert to_local(moment(local, change["zone"]).at, change["zone"]) == local, change


def test_a_rule_lands_on_the_first_valid_instant(clock_changes):
    for change in clock_changes:
        for local in inside(change):
            placed, note = first_valid(local, change["zone"])
            assert note, change
            if change["kind"] == "gap":
                assert placed.at == change["utc"], change
            else:
                assert (placed.local, placed.fold) == (local, 0), change


ZONES = sorted(name for name, _label in zones.choices())


@generated(few=100, many=2000)
@given(st.datetimes(pendulum.naive(1990, 1, 1), pendulum.naive(2060, 1, 1)), st.sampled_from(ZONES), st.integers(0, 1))
def test_any_wall_time_in_any_zone_resolves_to_an_instant_that_reads_the_same(local, zone, fold):
    at = resolve(local, zone, fold)
    try:
        assert to_local(at, zone) == moment(local, zone).local == local
    except NoSuchTime as question:
        assert question.choices[0].at < at <= question.choices[1].at
    except DoubtfulTime as question:
        assert at == question.choices[fold].at
