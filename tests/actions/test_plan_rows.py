"""What stands for a step of a plan, by the state of its text, whichever it is, and by what is wanted."""

from types import SimpleNamespace

import pendulum
import pytest

from reminder_site.actions import plan_rows
from reminder_site.actions.plan_rows import Entry
from reminder_site.domain.message_state import STATES

NOON = pendulum.datetime(2026, 11, 2, 12, tz="UTC")
LEFT = {"accepted", "sent", "delivered", "read", "undelivered", "failed"}
UNCLEAR = {"submitting", "unknown", "needs_review"}
HELD_THERE = {"scheduled", "cancelling"}
TO_COME = HELD_THERE | {"pending", "leased"}


def entry(state, *, wanted=True, route="", key="1_day", round=1, **message):
    """A reminder whose text stands so."""
    reminder = SimpleNamespace(wanted=wanted, step_key=key, round=round)
    return Entry(reminder, SimpleNamespace(**{"id": 7, "state": state, "route": route, "wanted": True} | message))


def states(what, **about):
    """All states in which something is said of a reminder."""
    return {state for state in STATES if getattr(entry(state, **about), what)}


@pytest.mark.parametrize("wanted", [True, False])
def test_what_has_left_and_what_may_still_leave_does_not_hang_on_what_is_wanted(wanted):
    assert states("has_left", wanted=wanted) == LEFT
    assert states("is_alive", wanted=wanted) == UNCLEAR | TO_COME
    assert states("may_have_left", wanted=wanted) == LEFT | UNCLEAR
    assert states("may_have_left", wanted=wanted, route="twilio") == LEFT, "it lies there until its time"


def test_what_stands_waits_or_counts_as_sent_does():
    assert states("stands") == LEFT | UNCLEAR | TO_COME | {"expired"}
    assert states("waits") == TO_COME | {"expired"}
    assert states("counts_as_sent") == LEFT | UNCLEAR
    assert states("counts_as_sent", route="twilio") == LEFT
    unwanted = [states(what, wanted=False) for what in ("stands", "waits", "counts_as_sent")]
    assert unwanted == [LEFT, set(), LEFT]


def test_a_skip_stands_for_its_step_as_long_as_it_is_wanted():
    skips = [Entry(SimpleNamespace(wanted=wanted), None) for wanted in (True, False)]
    assert [(skip.stands, skip.waits) for skip in skips] == [(True, True), (False, False)]
    assert not any(skip.has_left or skip.may_have_left or skip.is_alive or skip.counts_as_sent for skip in skips)
    assert not skips[0].leaves_by(NOON)


def test_only_a_scheduled_text_that_is_wanted_leaves_by_itself():
    assert {s for s in STATES if entry(s, send_at=NOON).leaves_by(NOON)} == {"scheduled"}
    assert not entry("scheduled", send_at=NOON.add(seconds=1)).leaves_by(NOON)
    unwanted = Entry(SimpleNamespace(wanted=True), SimpleNamespace(state="scheduled", wanted=False, send_at=NOON))
    assert not unwanted.leaves_by(NOON)


def test_a_new_text_replaces_what_twilio_has_or_may_have_of_its_step():
    reminder = entry("pending").reminder
    assert {s for s in STATES if plan_rows._replaced([entry(s)], reminder)} == UNCLEAR | HELD_THERE
    assert plan_rows._replaced([entry("scheduled", key="3_days"), entry("scheduled", round=2)], reminder) is None
    assert plan_rows._replaced([entry("scheduled", id=1), entry("scheduled", id=2)], reminder) == 2
