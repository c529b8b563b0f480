"""News that comes late, or while Twilio is being asked, is about the attempt it belongs to and about no other."""

import pytest
from sqlalchemy import update

from reminder_site.actions import delivery, intents, resolving, twins
from reminder_site.actions.delivery import Answer
from reminder_site.db import transaction
from reminder_site.domain.delivery import Outcome, Pace
from reminder_site.models import Message
from tests.delivering import a_text, at_twilio, attempts, carry_on, history, now_as, trouble

FIRST, SECOND = "SM" + "a" * 32, "SM" + "b" * 32
ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}


def stands(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**columns))


def attempt(message_id, now):
    """Begin one more attempt to hand a text over; returns its intent."""
    stands(message_id, state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    return intents.intend(ids=[message_id], now=now, **ME)[message_id]


def answered(intent, outcome, now):
    """Write down what came back from an attempt."""
    assert delivery.record(answers=[Answer(intent, outcome, now)], pace=Pace()) == []


def taken(sid, status="scheduled"):
    return Outcome("created", "taken", "Twilio took it", sid, status)


@pytest.fixture
def tried_twice(clinic, now):
    """A text of which a second attempt is under way, and the intents of both."""
    message_id = a_text(clinic, now, in_minutes=600)
    return message_id, attempt(message_id, now), attempt(message_id, now)


class Meanwhile:
    """A way to Twilio on which something happens while a list is being read."""

    def __init__(self, sms, happens):
        self._sms, self._happens = sms, happens

    def list_to(self, to):
        listed = self._sms.list_to(to)
        self._happens()
        return listed


def test_a_late_refusal_of_a_former_attempt_does_not_end_the_present_one(tried_twice, now):
    message_id, first, _second = tried_twice
    answered(first, Outcome("not_created", "retry", "Twilio could not be reached"), now)
    assert now_as(message_id).state == "submitting"


def test_a_second_text_that_a_former_attempt_made_is_looked_for_before_it_is_sent(tried_twice, now):
    message_id, first, second = tried_twice
    answered(second, taken(SECOND), now)
    answered(first, taken(FIRST), now)
    message = now_as(message_id)
    assert (message.sid, message.ever_unknown) == (SECOND, True)
    assert message.next_action_at < message.send_at
    assert f"Twilio made a second text: {FIRST}" in history(message_id)


def test_news_that_comes_during_a_look_for_twins_is_left_to_the_next_look(app, tried_twice, sandbox, now):
    message_id, first, second = tried_twice
    answered(second, taken(SECOND), now)
    stands(message_id, ever_unknown=True, lease_until=now.add(minutes=2))
    sms = Meanwhile(app.extensions["sms"], lambda: answered(first, taken(FIRST), now))
    twins.sweep_orphans(message_id=message_id, sms=sms, now=now)
    assert now_as(message_id).ever_unknown


@pytest.mark.parametrize("meanwhile", [{"attempt_no": 2}, {"sid": FIRST}], ids=["tried again", "found"])
def test_a_list_read_for_a_former_attempt_proves_nothing_about_what_came_meanwhile(
    app, clinic, worker, clock, sandbox, meanwhile
):
    trouble(sandbox, ("reset_before", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    clock.forward(seconds=150)
    sms = Meanwhile(app.extensions["sms"], lambda: stands(message_id, **meanwhile))
    resolving.resolve(message_id=message_id, sms=sms, quiet=True, pace=Pace(), now=clock.now())
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 0)


@pytest.mark.parametrize("status", ["accepted", "queued"])
def test_a_text_taken_with_its_send_time_is_scheduled_whichever_word_twilio_says(clinic, now, status):
    message_id = a_text(clinic, now, in_minutes=600)
    answered(attempt(message_id, now), taken(FIRST, status), now)
    assert now_as(message_id).state == "scheduled"


def test_a_second_attempt_that_is_unclear_needs_two_readings_of_its_own(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_before", 2))
    message_id = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    while len(attempts(message_id)) < 2:
        carry_on(worker, clock, minutes=0.25)
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 0)
    carry_on(worker, clock, minutes=2.75)
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 1)


def test_the_same_words_texted_long_after_an_attempt_are_not_taken_for_its_text(app, clinic, worker, clock, sandbox):
    trouble(sandbox, ("reset_before", 1), {"kind": "html_503", "on": "list"})
    message_id = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    carry_on(worker, clock, minutes=10)
    asked = {"to": now_as(message_id).to_e164, "body": now_as(message_id).body, "sender": now_as(message_id).sender}
    other = app.extensions["sms"].create(**asked, callback_url="http://localhost/elsewhere")
    trouble(sandbox)
    carry_on(worker, clock, minutes=15)
    assert attempts(message_id) == ["unknown", "created"]
    assert now_as(message_id).sid != other.sid and len(at_twilio(sandbox)) == 2


def test_a_text_to_a_number_with_an_unclear_one_waits_until_that_is_looked_at(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1))
    first = a_text(clinic, clock.now(), to_e164="+12125550142")
    worker.settle()
    second = a_text(clinic, clock.now(), to_e164="+12125550142")
    worker.settle()
    assert now_as(second).next_action_at == now_as(first).next_action_at
