"""A text nobody can clear up just now is looked for until it can be: whatever leads to a person leads out again."""

from itertools import pairwise

import pytest
from sqlalchemy import update

from reminder_site.actions import delivery, parking
from reminder_site.db import transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.sms import SmsError
from reminder_site.models import Message
from reminder_site.queries import health
from tests.delivering import a_text, at_twilio, attempts, carry_on, history, now_as, take_back, trouble

LEFT = {"accepted", "sent", "delivered"}
NO_LIST = {"kind": "html_503", "on": "list"}


class Forgets:
    """A way to Twilio that does not know a text when it is asked for it."""

    def __init__(self, sms, **instead):
        self._sms = sms
        vars(self).update(instead)

    def fetch(self, sid):
        return None

    def cancel(self, sid):
        raise SmsError("Twilio answered 20404", permanent=True, code=20404)

    def __getattr__(self, name):
        return getattr(self._sms, name)


def unclear(clinic, worker, clock, sandbox, kind="error_after", **text):
    """A text that Twilio took, or not, without saying so, while its lists are not to be had."""
    trouble(sandbox, (kind, 1), NO_LIST)
    message_id = a_text(clinic, clock.now(), **text)
    worker.settle()
    return message_id


def park(message_id, clock, **columns):
    """Put a text where a person would find it, still to be looked at."""
    columns = {"state": "needs_review", "state_why": "could not be cleared up", "next_action_at": clock.now()} | columns
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(lease_until=None, **columns))


def test_an_unclear_text_is_asked_after_for_as_long_as_it_is_of_use(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox, useful_minutes=1000)
    carry_on(worker, clock, minutes=600, step_seconds=300)
    assert now_as(message_id).state == "unknown"
    trouble(sandbox)
    carry_on(worker, clock, minutes=6)
    assert now_as(message_id).state in LEFT
    assert (attempts(message_id), len(at_twilio(sandbox))) == (["unknown"], 1)


def test_health_says_how_many_texts_are_unclear_for_more_than_an_hour_and_since_when(clinic, worker, clock, sandbox):
    began = clock.now()
    unclear(clinic, worker, clock, sandbox, useful_minutes=1000)
    carry_on(worker, clock, minutes=59, step_seconds=60)
    assert health.checks(now=clock.now())["unclear"].status == "ok"
    carry_on(worker, clock, minutes=1)
    check = health.checks(now=clock.now())["unclear"]
    assert (check.status, check.since) == ("degraded", began)
    assert check.words.startswith("1 text is unclear for more than 60 minutes")
    trouble(sandbox)
    carry_on(worker, clock, minutes=6)
    assert health.checks(now=clock.now())["unclear"].status == "ok"


def test_a_parked_text_that_had_gone_out_is_found_hours_later(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox)
    carry_on(worker, clock, minutes=125, step_seconds=60)
    assert now_as(message_id).state == "needs_review"
    assert now_as(message_id).next_action_at is not None
    carry_on(worker, clock, minutes=600, step_seconds=600)
    trouble(sandbox)
    carry_on(worker, clock, minutes=70, step_seconds=60)
    assert now_as(message_id).state in LEFT
    assert now_as(message_id).sid == at_twilio(sandbox)[0].sid


def test_a_parked_text_that_never_went_out_says_so_and_is_looked_for_no_more(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox, kind="error_before")
    carry_on(worker, clock, minutes=125, step_seconds=60)
    trouble(sandbox)
    carry_on(worker, clock, minutes=30, step_seconds=60)
    message = now_as(message_id)
    assert (message.state, message.next_action_at, message.reaches_at) == ("needs_review", None, None)
    assert message.state_why.startswith("it never went out")
    assert history(message_id)[-1].startswith("it never went out")
    take_back(message_id, clock.now())
    assert now_as(message_id).state == "cancelled"


def test_a_parked_text_that_is_still_of_use_and_not_at_twilio_leaves(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox, kind="error_before", useful_minutes=600)
    park(message_id, clock)
    trouble(sandbox)
    carry_on(worker, clock, minutes=6)
    assert (now_as(message_id).state in LEFT, attempts(message_id)) == (True, ["unknown", "created"])


@pytest.mark.parametrize("kind", ["error_before", "error_after"])
def test_a_parked_text_taken_back_ends_cancelled_at_twilio_too(clinic, worker, clock, sandbox, kind):
    message_id = unclear(clinic, worker, clock, sandbox, kind=kind, in_minutes=600)
    carry_on(worker, clock, minutes=70, step_seconds=60)
    park(message_id, clock, next_action_at=None)
    take_back(message_id, clock.now())
    assert now_as(message_id).state == "needs_review"
    trouble(sandbox)
    carry_on(worker, clock, minutes=6)
    assert now_as(message_id).state == "cancelled"
    assert [text.status for text in at_twilio(sandbox)] == ["canceled"] * (kind == "error_after")


def test_a_parked_text_of_no_use_that_nobody_wants_leaves_the_list_once_it_is_proved_absent(
    clinic, worker, clock, sandbox
):
    message_id = unclear(clinic, worker, clock, sandbox, kind="error_before")
    carry_on(worker, clock, minutes=125, step_seconds=60)
    take_back(message_id, clock.now())
    assert now_as(message_id).state == "needs_review"
    trouble(sandbox)
    carry_on(worker, clock, minutes=5)
    assert (now_as(message_id).state, now_as(message_id).next_action_at) == ("cancelled", None)


def test_an_unclear_text_taken_back_while_the_lists_fail_is_cancelled_once_they_answer(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox, in_minutes=18 * 24 * 60)
    carry_on(worker, clock, minutes=10, step_seconds=60)
    take_back(message_id, clock.now())
    carry_on(worker, clock, minutes=180, step_seconds=300)
    trouble(sandbox)
    carry_on(worker, clock, minutes=8)
    assert (now_as(message_id).state, at_twilio(sandbox)[0].status) == ("cancelled", "canceled")


def test_a_parked_text_is_asked_after_every_hour_at_the_most_and_for_72_hours(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox, useful_minutes=10)
    sent_at, asked, list_to = clock.now(), [], worker.sms.list_to

    def counted(to):
        asked.append((clock.now() - sent_at).total_seconds() / 3600)
        return list_to(to)

    worker.sms = Forgets(worker.sms, list_to=counted)
    while (at := now_as(message_id).next_action_at) is not None:
        clock.set(max(at, clock.now().add(minutes=1)))
        worker.settle()
    assert now_as(message_id).state == "needs_review"
    assert 72 <= asked[-1] < 73.1
    gaps = [later - sooner for sooner, later in pairwise(asked)]
    assert max(gaps) < 1.1 and round(min(gaps[10:]), 6) >= 1


@pytest.fixture
def scheduled(clinic, worker, clock, sandbox):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now(), in_minutes=600)
    worker.settle()
    return message_id


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_text_that_twilio_did_not_know_for_a_moment_comes_back_to_its_state(
    worker, clock, sandbox, scheduled, taken_back
):
    real, worker.sms = worker.sms, Forgets(worker.sms)
    if taken_back:
        take_back(scheduled, clock.now())
    else:
        park(scheduled, clock)
    worker.settle()
    assert now_as(scheduled).state == "needs_review"
    worker.sms = real
    carry_on(worker, clock, minutes=5)
    expected = ("cancelled", "canceled") if taken_back else ("scheduled", "scheduled")
    assert (now_as(scheduled).state, at_twilio(sandbox)[0].status) == expected
    assert now_as(scheduled).failures == 0


def test_a_text_nobody_wants_is_over_once_twilio_twice_does_not_know_it(worker, clock, sandbox, scheduled):
    sandbox.exchange.store.rows("DELETE FROM message")
    take_back(scheduled, clock.now())
    worker.settle()
    assert now_as(scheduled).state == "needs_review"
    carry_on(worker, clock, minutes=2)
    assert (now_as(scheduled).state, now_as(scheduled).next_action_at) == ("cancelled", None)


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_text_that_twilio_lost_can_be_sent_anyway_once(clinic, worker, clock, sandbox, scheduled, comes_back):
    real, worker.sms = worker.sms, Forgets(worker.sms)
    park(scheduled, clock)
    carry_on(worker, clock, minutes=5)
    lost = now_as(scheduled)
    parking.send_anyway(clinic_id=clinic.id, message_id=lost.public_id, by=OPERATOR, now=clock.now())
    worker.sms = real
    if not comes_back:
        sandbox.exchange.store.rows("DELETE FROM message")
    carry_on(worker, clock, minutes=30)
    left = [text for text in at_twilio(sandbox) if text.status != "canceled"]
    assert len(left) == 1 and left[0].sid != lost.sid
    assert now_as(scheduled).state == "cancelled"


def stumble(message_id, clock, times):
    for _ in range(times):
        delivery.stumble(message_id=message_id, words="something went wrong here: OSError", now=clock.now())


def test_five_stumbles_over_a_text_that_is_here_park_it_for_good(clinic, clock):
    message_id = a_text(clinic, clock.now())
    stumble(message_id, clock, 4)
    assert now_as(message_id).state == "pending"
    stumble(message_id, clock, 1)
    assert (now_as(message_id).state, now_as(message_id).next_action_at) == ("needs_review", None)


def test_a_text_at_twilio_that_is_stumbled_over_is_shown_and_never_given_up(worker, clock, sandbox, scheduled):
    stumble(scheduled, clock, 5)
    assert now_as(scheduled).state == "needs_review"
    stumble(scheduled, clock, 20)
    assert now_as(scheduled).next_action_at == clock.now().add(hours=1)
    carry_on(worker, clock, minutes=62, step_seconds=60)
    assert (now_as(scheduled).state, now_as(scheduled).failures) == ("scheduled", 0)


def test_a_text_in_flight_that_is_stumbled_over_goes_on_being_cleared_up(clinic, worker, clock, sandbox):
    message_id = unclear(clinic, worker, clock, sandbox, useful_minutes=600)
    stumble(message_id, clock, 25)
    assert (now_as(message_id).state, now_as(message_id).next_action_at) == ("unknown", clock.now().add(hours=1))
    trouble(sandbox)
    carry_on(worker, clock, minutes=70, step_seconds=60)
    assert now_as(message_id).state in LEFT


def test_stumbles_long_overcome_are_forgotten(worker, clock, scheduled):
    for _ in range(5):
        stumble(scheduled, clock, 1)
        clock.forward(minutes=60)
        worker.settle()
        assert (now_as(scheduled).state, now_as(scheduled).failures) == ("scheduled", 0)


def test_a_poisoned_text_that_was_proved_absent_is_parked_without_a_circle(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_before", 1))
    message_id = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    clock.forward(seconds=150)
    worker.settle()
    with transaction() as session:
        session.execute(update(Message).values(state="pending", absent_reads=2))
    stumble(message_id, clock, 5)
    assert (now_as(message_id).state, now_as(message_id).next_action_at) == ("needs_review", None)
