"""Workers that overtake one another: who comes late with old news changes nothing, and puts nothing off."""

import signal

import pytest

from reminder_site import failpoints
from reminder_site.actions import resolving
from reminder_site.actions.sought import look_up
from reminder_site.actions.twins import sweep_orphans
from reminder_site.db import transaction
from reminder_site.models import Clinic, Message
from tests.delivering import a_text, at_twilio, carry_on, now_as, take_back, trouble


@pytest.fixture
def unclear(app, clinic, worker, clock, sandbox):
    """A text that Twilio took without saying so; nobody has looked yet."""
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    return message_id


class EndsHere(BaseException):
    """A worker ends at this place."""


@pytest.fixture
def ends_at():
    """Have whoever reaches a named place leave everything as it is."""

    def end(*_):
        raise EndsHere

    before = signal.signal(signal.SIGUSR1, end)
    yield lambda place: failpoints.choose(place, signal.SIGUSR1)
    failpoints.choose("")
    signal.signal(signal.SIGUSR1, before)


def look(app, worker, clock, message_id, quiet):
    resolving.resolve(message_id=message_id, sms=app.extensions["sms"], quiet=quiet, pace=worker.pace, now=clock.now())


@pytest.mark.parametrize("quiet", [True, False])
def test_a_settled_text_is_not_looked_at_again(app, worker, clock, unclear, quiet):
    carry_on(worker, clock, minutes=5)
    clock.forward(minutes=60)
    carry_on(worker, clock, minutes=4)
    assert now_as(unclear).state == "delivered"
    look(app, worker, clock, unclear, quiet)
    assert now_as(unclear).next_action_at is None


def test_a_resolver_that_comes_late_does_not_put_a_cancel_off(app, worker, clock, unclear):
    carry_on(worker, clock, minutes=5)
    take_back(unclear, clock.now())
    assert now_as(unclear).state == "cancelling"
    due_at = now_as(unclear).next_action_at
    look(app, worker, clock, unclear, quiet=False)
    assert now_as(unclear).next_action_at == due_at


def test_an_orphan_sweep_that_comes_late_does_not_put_a_cancel_off(app, worker, clock, unclear, sandbox):
    carry_on(worker, clock, minutes=5)
    take_back(unclear, clock.now())
    due_at = now_as(unclear).next_action_at
    sweep_orphans(message_id=unclear, sms=app.extensions["sms"], now=clock.now())
    assert now_as(unclear).next_action_at == due_at
    worker.settle()
    assert [text.status for text in at_twilio(sandbox)] == ["canceled"]


@pytest.fixture
def twins(worker, clock, unclear, sandbox):
    """A text that Twilio has twice, of which only the second is known here; its number."""
    trouble(sandbox, list_staleness_s=1000.0)
    carry_on(worker, clock, minutes=10)
    assert [text.status for text in at_twilio(sandbox)] == ["scheduled", "scheduled"]
    return unclear


def test_a_cancelled_text_leaves_no_twin_that_is_sent(worker, clock, twins, sandbox):
    take_back(twins, clock.now())
    carry_on(worker, clock, minutes=5)
    assert now_as(twins).state == "cancelled"
    carry_on(worker, clock, minutes=30)
    assert [text.status for text in at_twilio(sandbox)] == ["canceled", "canceled"]
    assert (now_as(twins).state, now_as(twins).next_action_at) == ("cancelled", None)


def test_a_text_proved_absent_and_then_cancelled_leaves_no_twin_that_is_sent(worker, clock, clinic, unclear, sandbox):
    trouble(sandbox, list_staleness_s=1000.0)
    with transaction() as session:
        session.get(Clinic, clinic.id).texting_on = False  # so that it waits here instead of being tried again
    carry_on(worker, clock, minutes=5)
    assert now_as(unclear).state == "pending"
    take_back(unclear, clock.now())
    assert now_as(unclear).state == "cancelled"
    carry_on(worker, clock, minutes=60)
    assert [text.status for text in at_twilio(sandbox)] == ["canceled"]
    assert (now_as(unclear).state, now_as(unclear).next_action_at) == ("cancelled", None)


def test_a_question_between_times_does_not_put_the_sweep_off(worker, clock, twins, sandbox):
    with transaction() as session:
        session.get(Message, twins).next_action_at = clock.now()
    carry_on(worker, clock, minutes=30)
    assert sorted(text.status for text in at_twilio(sandbox)) == ["canceled", "scheduled"]


def test_a_sweep_does_not_take_the_text_of_another_message_for_a_twin(app, clinic, worker, clock, twins, sandbox):
    other = {"to_e164": now_as(twins).to_e164, "body": now_as(twins).body}
    clock.forward(minutes=9)
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=60, **other)
    carry_on(worker, clock, minutes=1)
    assert now_as(message_id).state == "unknown"
    clock.forward(minutes=1)
    sweep_orphans(message_id=twins, sms=app.extensions["sms"], now=clock.now())
    assert [text.status for text in at_twilio(sandbox)] == ["scheduled"] * 3
    carry_on(worker, clock, minutes=10)
    assert sorted(text.status for text in at_twilio(sandbox)) == ["canceled", "scheduled", "scheduled"]
    assert now_as(message_id).state == "scheduled"


@pytest.mark.parametrize("place", ["before_sweep", "after_sweep_list", "before_twin", "after_twin"])
def test_an_orphan_sweep_left_half_way_is_done_anew(worker, clock, twins, sandbox, ends_at, place):
    ends_at(place)
    with pytest.raises(EndsHere):
        carry_on(worker, clock, minutes=30)
    carry_on(worker, clock, minutes=5)
    assert sorted(text.status for text in at_twilio(sandbox)) == ["canceled", "scheduled"]


def test_a_reading_that_was_overtaken_does_not_count_as_a_second_one(app, worker, clock, clinic, sandbox):
    trouble(sandbox, ("error_before", 1))
    message_id = a_text(clinic, clock.now())
    worker.settle()
    clock.forward(seconds=150)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 1)
    with transaction() as session:
        stale = look_up(session, message_id)
    clock.forward(seconds=60)
    worker.settle()
    with transaction() as session:
        row = session.get(Message, message_id)
        row.state, row.absent_reads = "unknown", 0
        session.flush()
        resolving._count_absence(session, stale, worker.pace, clock.now())
    assert now_as(message_id).absent_reads == 0
