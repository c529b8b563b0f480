"""Taking a text back: cancelled only when Twilio says so, else the truth; and once sent it is said to be too late."""

import pytest

from reminder_site.gateways.sms import SmsError
from tests.delivering import a_text, arrive, at_twilio, carry_on, history, now_as, slowed_at, take_back, trouble

LEFT = {"accepted", "sent", "delivered"}


@pytest.fixture(autouse=True)
def quiet_callbacks(sandbox):
    trouble(sandbox)


@pytest.fixture
def scheduled(clinic, worker, clock):
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    assert now_as(message_id).state == "scheduled"
    return message_id


def test_what_waits_here_is_cancelled_at_once(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now(), in_minutes=5)
    worker.settle()
    assert take_back(message_id, clock.now()) == 1
    assert (now_as(message_id).state, now_as(message_id).state_why) == (
        "cancelled",
        "cancelled: the appointment was cancelled",
    )
    carry_on(worker, clock, minutes=10)
    assert at_twilio(sandbox) == []


def test_what_twilio_holds_is_cancelled_only_when_twilio_says_so(worker, clock, sandbox, scheduled):
    take_back(scheduled, clock.now())
    assert now_as(scheduled).state == "cancelling"
    worker.settle()
    assert (now_as(scheduled).state, at_twilio(sandbox)[0].status) == ("cancelled", "canceled")
    assert history(scheduled)[-1] == "Twilio confirms it is cancelled"
    assert take_back(scheduled, clock.now()) == 0


@pytest.mark.parametrize("fault", ["error_before", "reset_after", "html_503", "garbage_201", "rate_limit_429"])
def test_a_cancel_that_broke_is_repeated_until_it_is_confirmed(worker, clock, sandbox, scheduled, fault):
    trouble(sandbox, {"kind": fault, "on": "update", "next": 3})
    take_back(scheduled, clock.now())
    worker.settle()
    carry_on(worker, clock, minutes=1, step_seconds=5)
    assert (now_as(scheduled).state, at_twilio(sandbox)[0].status) == ("cancelled", "canceled")


def test_a_cancel_twilio_had_already_heard_is_confirmed_by_asking(worker, clock, sandbox, scheduled, app):
    app.extensions["sms"].cancel(now_as(scheduled).sid)
    take_back(scheduled, clock.now())
    worker.settle()
    assert now_as(scheduled).state == "cancelled"


def test_a_cancel_that_came_too_late_says_that_the_patient_was_texted(worker, clock, sandbox, scheduled):
    clock.forward(minutes=60)
    arrive(sandbox)
    take_back(scheduled, clock.now())
    worker.settle()
    assert now_as(scheduled).state in LEFT
    assert history(scheduled)[-1] == "too late to cancel: the patient was texted"


def test_a_text_already_on_the_wire_is_called_back_as_soon_as_its_sid_is_known(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    create = worker.sms.create

    class TakesBackMidway:
        def create(self, **asked):
            outcome = create(**asked)
            take_back(message_id, clock.now())
            return outcome

    worker.handing_over.sms = TakesBackMidway()
    worker.settle()
    assert (now_as(message_id).state, at_twilio(sandbox)[0].status) == ("cancelled", "canceled")


def test_a_text_sent_now_cannot_be_taken_back_and_is_not_said_to_be(clinic, worker, clock):
    message_id = a_text(clinic, clock.now())
    worker.settle()
    take_back(message_id, clock.now())
    worker.settle()
    assert now_as(message_id).state in LEFT


def test_a_text_twilio_has_lost_is_shown_to_a_person(worker, clock, sandbox, scheduled):
    sandbox.exchange.store.rows("DELETE FROM message")
    take_back(scheduled, clock.now())
    worker.settle()
    assert (now_as(scheduled).state, now_as(scheduled).state_why) == ("needs_review", "Twilio does not know this text")


def test_a_scheduled_text_twilio_has_lost_is_found_out_by_asking(worker, clock, sandbox, scheduled):
    sandbox.exchange.store.rows("DELETE FROM message")
    clock.forward(minutes=62)
    worker.settle()
    assert (now_as(scheduled).state, now_as(scheduled).next_action_at) == ("needs_review", clock.now().add(minutes=1))


def test_a_refused_account_does_not_make_cancels_hammer_twilio(worker, clock, sandbox, scheduled):
    trouble(sandbox, {"kind": "unauthorised", "on": "update"})
    take_back(scheduled, clock.now())
    carry_on(worker, clock, minutes=5, step_seconds=5)
    assert now_as(scheduled).state == "cancelling"
    assert sandbox.exchange.faults.as_json()["fired"]["unauthorised"] <= 6


def test_a_cancel_twilio_refused_says_that_the_patient_was_texted_once_that_shows(worker, clock, sandbox, scheduled):
    clock.set(now_as(scheduled).send_at.subtract(seconds=20))
    take_back(scheduled, clock.now())
    real, worker.sms = worker.sms, TooLate(worker.sms)
    worker.settle()
    assert now_as(scheduled).state == "cancelling"
    clock.forward(seconds=20)
    arrive(sandbox)
    worker.settle()
    assert now_as(scheduled).state in LEFT
    assert history(scheduled)[-1] == "too late to cancel: the patient was texted"
    worker.sms = real
    carry_on(worker, clock, minutes=5)
    assert now_as(scheduled).state == "delivered"
    assert now_as(scheduled).state_why == "too late to cancel: the patient was texted"


class TooLate:
    """A way to Twilio whose cancels come too late."""

    def __init__(self, sms):
        self._sms = sms

    def cancel(self, sid):
        raise SmsError("Twilio answered 30409", permanent=True, code=30409)

    def __getattr__(self, name):
        return getattr(self._sms, name)


def test_a_cancel_that_fails_on_and_on_is_tried_ever_more_rarely_but_in_time(worker, clock, sandbox, scheduled):
    trouble(sandbox, {"kind": "error_before", "on": "update"})
    take_back(scheduled, clock.now())
    began, tried = clock.now(), []
    while now_as(scheduled).next_action_at < now_as(scheduled).send_at:
        clock.set(now_as(scheduled).next_action_at)
        tried.append(int((clock.now() - began).total_seconds()))
        worker.settle()
    assert tried[:7] == [0, 5, 15, 35, 75, 155, 315]
    assert 3600 - 90 in tried and tried[-1] >= 3600 - 30
    assert now_as(scheduled).state == "cancelling"


def test_a_429_to_a_cancel_slows_all_down_once_and_this_cancel_ever_more(worker, clock, sandbox, scheduled):
    trouble(sandbox, {"kind": "rate_limit_429", "on": "update", "retry_after": 30})
    take_back(scheduled, clock.now())
    worker.settle()
    assert slowed_at() == clock.now()
    assert now_as(scheduled).next_action_at == clock.now().add(seconds=30)
    carry_on(worker, clock, minutes=10, step_seconds=5)
    assert sandbox.exchange.faults.as_json()["fired"]["rate_limit_429"] <= 9
    trouble(sandbox)
    carry_on(worker, clock, minutes=5)
    assert now_as(scheduled).state == "cancelled"


def test_a_429_to_a_question_slows_all_down_and_puts_off_the_next_one(worker, clock, sandbox, scheduled):
    trouble(sandbox, {"kind": "rate_limit_429", "on": "fetch", "retry_after": 30})
    clock.set(now_as(scheduled).next_action_at)
    worker.settle()
    assert (slowed_at(), now_as(scheduled).failures) == (clock.now(), 1)
    assert now_as(scheduled).next_action_at == clock.now().add(seconds=60)
    clock.forward(seconds=60)
    worker.settle()
    assert now_as(scheduled).next_action_at == clock.now().add(seconds=120)
    trouble(sandbox)
    clock.forward(seconds=120)
    worker.settle()
    assert (now_as(scheduled).state, now_as(scheduled).failures) == ("delivered", 0)
