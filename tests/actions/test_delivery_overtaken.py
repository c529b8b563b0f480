"""Workers that overtake one another: who comes late with old news changes nothing, and puts nothing off."""

import pytest

from reminder_site.actions import following
from reminder_site.db import transaction
from reminder_site.models import Message
from tests.delivering import a_text, at_twilio, carry_on, now_as, take_back, trouble


@pytest.fixture
def unclear(app, clinic, worker, clock, sandbox):
    """A text that Twilio took without saying so; nobody has looked yet."""
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    return message_id


def look(app, worker, clock, message_id, quiet):
    following.resolve(message_id=message_id, sms=app.extensions["sms"], quiet=quiet, pace=worker.pace, now=clock.now())


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
    following.sweep_orphans(message_id=unclear, sms=app.extensions["sms"], now=clock.now())
    assert now_as(unclear).next_action_at == due_at
    worker.settle()
    assert [text.status for text in at_twilio(sandbox)] == ["canceled"]


def test_a_reading_that_was_overtaken_does_not_count_as_a_second_one(app, worker, clock, clinic, sandbox):
    trouble(sandbox, ("error_before", 1))
    message_id = a_text(clinic, clock.now())
    worker.settle()
    clock.forward(seconds=150)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 1)
    with transaction() as session:
        stale = following._sought(session, message_id)
    clock.forward(seconds=60)
    worker.settle()
    with transaction() as session:
        row = session.get(Message, message_id)
        row.state, row.absent_reads = "unknown", 0
        session.flush()
        following._count_absence(session, stale, worker.pace, clock.now())
    assert now_as(message_id).absent_reads == 0
