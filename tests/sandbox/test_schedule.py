"""SendAt: the window, the waiting, the cancelling, and the firing when the clock comes round."""

import pytest
from twilio.base.exceptions import TwilioRestException

from reminder_site.sandbox import identity
from tests.sandbox.conftest import PATIENT, START


@pytest.mark.parametrize("seconds", [900, 901, 86_400, 3_023_999, 3_024_000])
def test_a_moment_in_the_window_is_accepted_both_ends_included(sandbox, seconds):
    message = sandbox.schedule(START.add(seconds=seconds))
    assert (message.status, message.date_sent, message.from_) == ("scheduled", None, None)


@pytest.mark.parametrize("seconds", [-60, 0, 899, 3_024_001])
def test_a_moment_outside_the_window_is_refused_and_nothing_is_kept(sandbox, seconds):
    with pytest.raises(TwilioRestException) as refused:
        sandbox.schedule(START.add(seconds=seconds))
    assert (refused.value.status, refused.value.code) == (400, 35114)
    assert sandbox.held() == []


@pytest.mark.parametrize(
    "text", ["tomorrow", "2026-03-03T09:00:00", "2026-03-03T09:00:00+00:00", "2026-02-30T09:00:00Z"]
)
def test_a_moment_that_is_not_iso_in_utc_is_refused(sandbox, text):
    with pytest.raises(TwilioRestException) as refused:
        sandbox.schedule(text)
    assert refused.value.code == 35114


@pytest.mark.parametrize(
    ("more", "code"),
    [({"schedule_type": "fixed"}, 35111), ({"schedule_type": "soon", "send_at": "2026-03-03T09:00:00Z"}, 35126)],
)
def test_half_a_schedule_is_refused(sandbox, more, code):
    with pytest.raises(TwilioRestException) as refused:
        sandbox.text(**more)
    assert refused.value.code == code


def test_a_schedule_without_a_messaging_service_goes_out_at_once_as_documented(sandbox):
    at = START.add(days=1)
    sandbox.messages.create(PATIENT, from_=identity.SENDER_NUMBER, body="Now", schedule_type="fixed", send_at=at)
    sandbox.settle()
    assert [text["status"] for text in sandbox.held()] == ["delivered"]


def test_a_schedule_without_a_messaging_service_can_be_made_to_fail(sandbox):
    sandbox.faults(schedule_needs_service=True)
    with pytest.raises(TwilioRestException) as refused:
        at = START.add(days=1)
        sandbox.messages.create(PATIENT, from_=identity.SENDER_NUMBER, body="Now", schedule_type="fixed", send_at=at)
    assert refused.value.code == 35118


def test_a_scheduled_text_waits_until_its_second(sandbox):
    message = sandbox.schedule(START.add(days=35))
    sandbox.set_clock(START.add(days=35).subtract(seconds=1))
    assert message.fetch().status == "scheduled"
    sandbox.set_clock(START.add(days=35))
    sent = message.fetch()
    assert (sent.status, sent.from_, sent.date_sent) == ("delivered", identity.SENDER_NUMBER, START.add(days=35))


def test_a_jump_of_weeks_sends_everything_at_its_own_moment_in_order(sandbox):
    days = [20, 3, 34, 1, 11]
    for day in days:
        sandbox.schedule(START.add(days=day), f"day {day}")
    sandbox.set_clock(START.add(days=60))
    texts = sorted(sandbox.held(), key=lambda text: text["sent_at"])
    assert [text["body"] for text in texts] == [f"day {day}" for day in sorted(days)]
    assert [text["sent_at"] for text in texts] == [START.add(days=day).to_iso8601_string() for day in sorted(days)]


def test_a_running_clock_fires_by_itself(sandbox):
    message = sandbox.schedule(START.add(days=9))
    sandbox.set_clock(speed=1_000_000)
    sandbox_now_passes(sandbox, START.add(days=9))
    sandbox.settle()
    assert message.fetch().status == "delivered"


def sandbox_now_passes(sandbox, moment):
    while sandbox.ask("GET", "clock")[1]["now"] < moment.to_iso8601_string():
        pass


def test_a_cancelled_text_is_never_sent(sandbox):
    message = sandbox.schedule(START.add(days=1))
    cancelled = message.update(status="canceled")
    assert (cancelled.status, cancelled.date_sent) == ("canceled", None)
    sandbox.set_clock(START.add(days=2))
    assert message.fetch().status == "canceled"


def test_what_is_sent_or_cancelled_already_cannot_be_cancelled(sandbox):
    sent, cancelled = sandbox.text(), sandbox.schedule(START.add(days=1))
    cancelled.update(status="canceled")
    sandbox.settle()
    for message in (sent, cancelled):
        with pytest.raises(TwilioRestException) as refused:
            message.update(status="canceled")
        assert (refused.value.status, refused.value.code) == (400, 30409)


def test_the_account_holds_only_so_many_scheduled_texts(sandbox):
    sandbox.faults(scheduled_cap=2)
    first = sandbox.schedule(START.add(days=1))
    sandbox.schedule(START.add(days=1))
    with pytest.raises(TwilioRestException) as refused:
        sandbox.schedule(START.add(days=1))
    assert refused.value.code == 35125
    first.update(status="canceled")
    assert sandbox.schedule(START.add(days=1)).status == "scheduled"


@pytest.mark.parametrize(("by_creation", "ends_as"), [(True, ("failed", 30036)), (False, ("delivered", None))])
def test_when_the_validity_of_a_scheduled_text_begins_is_a_switch(sandbox, by_creation, ends_as):
    sandbox.faults(validity_from_creation=by_creation)
    sandbox.schedule(START.add(minutes=16), validity_period=600)
    sandbox.set_clock(START.add(minutes=17))
    sandbox.settle()
    assert [(text["status"], text["error_code"]) for text in sandbox.held()] == [ends_as]


@pytest.mark.parametrize(("waits_s", "ends_as"), [(59, "delivered"), (61, "failed")])
def test_a_text_that_waits_for_longer_than_it_is_valid_is_dropped(sandbox, waits_s, ends_as):
    sandbox.faults(pace_s=waits_s)
    sandbox.text(validity_period=60)
    sandbox.set_clock(START.add(minutes=10))
    sandbox.settle()
    assert [text["status"] for text in sandbox.held()] == [ends_as]
