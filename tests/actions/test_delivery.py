"""A message on its way: the right road, the right moment, the truth about what came of it."""

import json
import urllib.request

from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Message, Reminder
from tests import factories
from tests.delivering import a_text, at_twilio, carry_on, now_as


def held(sandbox):
    """What the sandbox holds, oldest first."""
    with urllib.request.urlopen(sandbox.url + "/_sandbox/messages") as answer:
        return json.load(answer)["messages"]


def messages(appointment):
    db.session.rollback()
    return db.session.scalars(
        select(Message).where(Message.appointment_id == appointment.id).order_by(Message.send_at)
    ).all()


def test_a_booking_leaves_three_texts_planned_with_their_reasons(app, clinic):
    appointment = factories.an_appointment(clinic, factories.a_patient(clinic))
    reminders = db.session.scalars(select(Reminder).order_by(Reminder.id)).all()
    assert [(r.step_key, r.send_at is not None) for r in reminders] == [
        ("confirmation", True),
        ("3_days", True),
        ("1_day", True),
        ("2_hours", False),
    ]
    assert all(r.why for r in reminders)
    assert len(messages(appointment)) == 3


def test_near_texts_leave_here_and_far_ones_at_twilio(app, clinic, worker, clock, sandbox):
    appointment = factories.an_appointment(clinic, factories.a_patient(clinic))
    worker.settle()
    assert [m.state for m in messages(appointment)] == ["pending", "scheduled", "scheduled"]
    assert [m["status"] for m in held(sandbox)] == ["scheduled", "scheduled"]
    clock.forward(minutes=3)
    worker.settle()
    confirmation = messages(appointment)[0]
    assert (confirmation.state, confirmation.route) == ("accepted", "local")
    assert len(held(sandbox)) == 3


def test_a_text_sent_at_once_is_valid_while_it_is_of_use_and_one_with_send_at_without_limit(
    clinic, worker, clock, sandbox
):
    a_text(clinic, clock.now(), useful_minutes=30)
    a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    assert [text.valid_s for text in at_twilio(sandbox)] == [30 * 60, None]


def test_a_text_that_twilio_could_not_send_while_it_was_of_use_is_failed_and_says_why(clinic, worker, clock, sandbox):
    sandbox.exchange.faults.put({"pace_s": 31 * 60})
    late = a_text(clinic, clock.now(), useful_minutes=30)
    worker.settle()
    clock.forward(minutes=32)
    carry_on(worker, clock, minutes=3)
    assert (now_as(late).state, now_as(late).error_code) == ("failed", 30036)
    assert "time in which the text had to arrive" in now_as(late).state_why
