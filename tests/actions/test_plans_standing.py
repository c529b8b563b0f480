"""What of a former plan is the same as what the new one wants, stands for it, or still serves until that may leave."""

from types import SimpleNamespace

import pendulum
import pytest

from reminder_site.actions import plans
from reminder_site.actions.plan_rows import Entry
from reminder_site.domain.message_state import STATES

NOON = pendulum.datetime(2026, 11, 2, 12, tz="UTC")
AT = NOON.add(hours=1)
LEFT = {"accepted", "sent", "delivered", "read", "undelivered", "failed"}
UNCLEAR = {"submitting", "unknown", "needs_review"}
TO_COME = {"scheduled", "cancelling", "pending", "leased"}
PHONE, SENDER = "+12125550142", "MG" + "5" * 32
CASE = SimpleNamespace(
    now=NOON,
    patient=SimpleNamespace(phone_e164=PHONE),
    base=SimpleNamespace(clinic=SimpleNamespace(sender=SENDER)),
)
STARTS = {"starts": "2026-11-20T14:30:00"}
STEP = SimpleNamespace(send_at=AT, why="1 day before")
SKIP = SimpleNamespace(send_at=None, why="skipped: it is off")
TEXT = SimpleNamespace(body="See you.", facts_now=STARTS)
OTHER = SimpleNamespace(body="Do come.", facts_now=STARTS)


def message(state, **columns):
    columns = {"route": "", "send_at": AT, "body": "See you.", "to_e164": PHONE, "sender": SENDER} | columns
    return SimpleNamespace(**{"state": state, "wanted": True, "told": STARTS} | columns)


def entry(state, *, wanted=True, key="1_day", round=1, why="", **columns):
    """A reminder whose text stands so; without one if no state is given."""
    reminder = SimpleNamespace(wanted=wanted, step_key=key, round=round, why=why)
    return Entry(reminder, message(state, **columns) if state else None)


def same(step, text, **columns):
    """The states in which a text is what a plan wants."""
    return {state for state in STATES if plans._same(entry(state, **columns), step, text, CASE)}


def test_a_text_is_the_same_if_it_is_worded_so_and_may_leave_or_can_be_exchanged_no_more():
    assert same(STEP, TEXT) == LEFT | UNCLEAR | TO_COME
    assert same(STEP, OTHER) == LEFT | UNCLEAR
    for differs in ({"to_e164": "+12125550143"}, {"sender": "MG2"}, {"send_at": AT.add(minutes=1)}):
        assert same(STEP, TEXT, **differs) == LEFT | UNCLEAR


def test_a_text_that_was_taken_back_is_not_what_a_plan_wants():
    taken_back = {state for state in STATES if plans._same(_unwanted(state), STEP, TEXT, CASE)}
    assert taken_back == LEFT | UNCLEAR


def _unwanted(state):
    return Entry(SimpleNamespace(wanted=True, why=""), message(state, wanted=False))


@pytest.mark.parametrize(("seconds", "kept"), [(59, True), (60, True), (61, False), (120, False)])
def test_what_twilio_sends_within_a_minute_is_not_exchanged(seconds, kept):
    leaving = entry("scheduled", send_at=NOON.add(seconds=seconds))
    assert plans._same(leaving, STEP, OTHER, CASE) is kept
    assert not plans._same(leaving, SKIP, None, CASE), "but taken back"


def test_a_skip_is_the_same_for_the_same_reason_and_instead_of_a_text_that_came_too_late():
    assert same(SKIP, None) == LEFT | UNCLEAR | {"expired"}
    whys = [plans._same(entry(None, why=why), SKIP, None, CASE) for why in (SKIP.why, "skipped: for another reason")]
    assert whys == [True, False]
    assert not plans._same(entry(None), STEP, TEXT, CASE)


def test_for_a_step_stands_the_newest_that_does_else_the_newest_that_is_wanted():
    older, newer, over = entry("scheduled"), entry("pending"), entry("cancelled")
    given_up = entry("cancelled", wanted=False)
    assert plans._standing([older, newer, over], "1_day", 1) is newer
    assert plans._standing([over, given_up], "1_day", 1) is over
    assert plans._standing([given_up], "1_day", 1) is None
    others = [entry("pending", key="3_days"), entry("pending", round=2)]
    assert plans._standing([older, *others], "1_day", 1) is older


def test_until_its_successor_may_leave_a_text_serves_that_twilio_holds_and_that_is_still_true():
    assert {s for s in STATES if plans._still_serves(CASE, entry(s), OTHER)} == {"scheduled"}
    assert not plans._still_serves(CASE, _unwanted("scheduled"), OTHER)
    assert not plans._still_serves(CASE, entry("scheduled", to_e164="+12125550143"), OTHER)
    assert not plans._still_serves(CASE, entry("scheduled", told={"starts": "2026-11-21T09:00:00"}), OTHER)
    assert not plans._still_serves(CASE, entry(None), OTHER)
