"""Of two tellings that crossed with an answer nobody knows which one it is to."""

from datetime import date, datetime
from types import SimpleNamespace

import pendulum
import pytest

from reminder_site.actions import tellings
from reminder_site.queries.threads import Telling

NOON = pendulum.datetime(2026, 11, 2, 12, tz="UTC")
TODAY = date(2026, 11, 2)
FIRST, THEN = {"starts": "2026-11-20T14:30:00"}, {"starts": "2026-11-21T09:00:00"}


def crossed(*told):
    return tellings._crossed(told, NOON, TODAY)


@pytest.mark.parametrize(("seconds", "crosses"), [(14 * 60 + 59, True), (15 * 60, False), (20 * 60, False)])
def test_two_times_told_within_a_quarter_of_an_hour_before_an_answer_cross_it(seconds, crosses):
    before = Telling(NOON.subtract(seconds=seconds), FIRST, 1)
    assert bool(crossed(before, Telling(NOON.subtract(minutes=1), THEN, 2))) is crosses
    assert not crossed(before, Telling(NOON.subtract(minutes=1), FIRST, 1)), "the same twice"
    assert not crossed(Telling(NOON, FIRST, 1))


def test_what_may_not_have_come_crosses_an_answer_however_old_it_is():
    before, doubtful = Telling(NOON.subtract(days=2), FIRST, 1), NOON.subtract(days=1)
    assert "may not have come" in crossed(before, Telling(doubtful, THEN, 2, doubtful=True))
    assert not crossed(before, Telling(doubtful, THEN, 2))
    assert not crossed(before, Telling(doubtful, FIRST, 1, doubtful=True))


@pytest.mark.parametrize(
    ("told", "state", "undo_minutes", "knows"),
    [(1, "booked", None, True), (0, "booked", None, False), (1, "cancelled", None, False),
     (1, "booked", 0, False), (1, "booked", 1, False), (1, "booked", -1, True)],
)  # fmt: skip
def test_how_it_stands_is_for_whoever_was_told_of_it_once_it_cannot_be_undone(told, state, undo_minutes, knows):
    undo_until = None if undo_minutes is None else NOON.add(minutes=undo_minutes)
    visit = SimpleNamespace(state=state, undo_until=undo_until)
    assert tellings.may_know(visit, [Telling(NOON, FIRST, 1)] * told, NOON) is knows


@pytest.mark.parametrize(("seconds", "late"), [(-1, True), (0, False), (1, False)])
def test_an_answer_written_before_the_last_one_came_late(seconds, late):
    visit = SimpleNamespace(answered_at=NOON.add(microseconds=400_000))
    assert bool(tellings.overtaken(SimpleNamespace(found_at=None), visit, NOON.add(seconds=seconds))) is late


@pytest.mark.parametrize(("round_no", "counts"), [(1, True), (None, True), (2, False)])
def test_an_answer_to_a_text_that_noted_no_facts_counts_for_the_time_it_was_about(round_no, counts):
    visit = SimpleNamespace(time_zone="America/New_York", starts_local=datetime(2026, 11, 20, 14, 30), round=1)
    told = [Telling(NOON.subtract(hours=1), None, round_no)]
    assert (tellings.otherwise(None, visit, told, written_at=NOON, now=NOON) == "") is counts
