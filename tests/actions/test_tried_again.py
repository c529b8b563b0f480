"""A text that did not get through, or that others cancelled at Twilio, is tried again as a new one, and how often."""

from datetime import datetime

import pytest
from sqlalchemy import select

from reminder_site.actions import reminders
from reminder_site.actions.plans import replan
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR, Actor
from reminder_site.domain.refusals import CannotText, ReminderHasLeft
from reminder_site.models import Appointment, Message, OptOut, Reminder
from tests import factories
from tests.delivering import a_text, answering, arrive, at_twilio, carry_on, now_as

ALICE = Actor("staff", "Alice", None)


@pytest.fixture(autouse=True)
def called_back(app, sandbox):
    """The site answers on a port; Twilio's callbacks arrive there."""
    with answering(app):
        yield
        arrive(sandbox)


def carrier_says(sandbox, code):
    sandbox.exchange.faults.put({"carrier": {"*": {"status": "undelivered", "error_code": code}}} if code else {})


def sent(sandbox):
    arrive(sandbox)
    return len(at_twilio(sandbox))


def go_on(worker, clock, sandbox, hours):
    for _ in range(int(hours * 2)):
        clock.forward(minutes=30)
        worker.settle()
        arrive(sandbox)


@pytest.mark.parametrize(("code", "texts"), [(30003, 3), (30017, 3), (30008, 2), (30007, 1), (30004, 1), (30410, 1)])
def test_what_may_succeed_later_is_tried_again_at_growing_intervals(clinic, worker, clock, sandbox, code, texts):
    carrier_says(sandbox, code)
    a_text(clinic, clock.now(), useful_minutes=600, kind="staff")
    worker.settle()
    assert sent(sandbox) == 1
    go_on(worker, clock, sandbox, 0.5)
    assert sent(sandbox) == 1
    go_on(worker, clock, sandbox, 1)
    assert sent(sandbox) == min(texts, 2)
    go_on(worker, clock, sandbox, 8)
    assert sent(sandbox) == texts


def test_one_that_arrived_after_all_is_not_sent_again(clinic, worker, clock, sandbox):
    carrier_says(sandbox, 30003)
    first = a_text(clinic, clock.now(), useful_minutes=600, kind="staff")
    worker.settle()
    arrive(sandbox)
    with transaction() as session:
        session.get_one(Message, first).state = "delivered"
    go_on(worker, clock, sandbox, 2)
    assert (now_as(first + 1).replaces_id, now_as(first + 1).state, sent(sandbox)) == (first, "cancelled", 1)


def test_none_is_tried_again_once_it_would_be_of_no_use(clinic, worker, clock, sandbox):
    carrier_says(sandbox, 30003)
    a_text(clinic, clock.now(), useful_minutes=59, kind="staff")
    worker.settle()
    go_on(worker, clock, sandbox, 3)
    assert sent(sandbox) == 1


def a_failed_reminder(clinic, worker, clock, sandbox, code):
    """The confirmation of a booking, which did not arrive."""
    carrier_says(sandbox, code)
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 20, 14, 30))
    clock.forward(minutes=3)
    worker.settle()
    arrive(sandbox)
    failed = db.session.scalar(
        select(Message).where(Message.appointment_id == visit.id, Message.state == "undelivered")
    )
    return visit, failed.id


def test_a_reminder_that_is_tried_again_stays_in_its_plan(clinic, worker, clock, sandbox):
    visit, failed = a_failed_reminder(clinic, worker, clock, sandbox, 30003)
    with transaction() as session:
        replan(session, session.get_one(Appointment, visit.id), by=OPERATOR, now=clock.now())
    (again,) = db.session.scalars(select(Message).where(Message.replaces_id == failed)).all()
    assert (again.state, again.wanted, again.reminder_id) == ("pending", True, now_as(failed).reminder_id)
    carrier_says(sandbox, None)
    go_on(worker, clock, sandbox, 1.5)
    assert now_as(again.id).state == "delivered"


def test_a_failed_text_is_sent_again_by_a_press_once_and_through_the_same_gate(clinic, worker, clock, sandbox):
    visit, failed = a_failed_reminder(clinic, worker, clock, sandbox, 30007)
    reminder_id = db.session.scalar(select(Reminder.public_id).where(Reminder.id == now_as(failed).reminder_id))
    asked = {"clinic_id": clinic.id, "reminder_id": reminder_id, "by": ALICE, "now": clock.now()}
    carrier_says(sandbox, None)
    reminders.send_reminder_now(**asked)
    with pytest.raises(ReminderHasLeft):
        reminders.send_reminder_now(**asked)
    with transaction() as session:
        replan(session, session.get_one(Appointment, visit.id), by=OPERATOR, now=clock.now())
    worker.settle()
    arrive(sandbox)
    bodies = [text.body for text in at_twilio(sandbox) if text.status == "delivered"]
    assert len(bodies) == 1


def test_somebody_who_opted_out_meanwhile_is_not_texted_again(clinic, worker, clock, sandbox):
    _, failed = a_failed_reminder(clinic, worker, clock, sandbox, 30007)
    reminder_id = db.session.scalar(select(Reminder.public_id).where(Reminder.id == now_as(failed).reminder_id))
    opt_out(now_as(failed))
    with pytest.raises(CannotText):
        reminders.send_reminder_now(clinic_id=clinic.id, reminder_id=reminder_id, by=ALICE, now=clock.now())


def opt_out(message):
    """Keep that a number wants no texts."""
    with transaction() as session:
        told = {"source": "text", "started_at": message.created_at}
        session.add(OptOut(e164=message.to_e164, sender=message.sender, **told))


def test_what_others_cancel_at_twilio_is_planned_anew_once_and_then_shown(clinic, worker, clock, sandbox, app):
    first = a_text(clinic, clock.now(), in_minutes=600)
    worker.settle()
    app.extensions["sms"].cancel(now_as(first).sid)
    arrive(sandbox)
    worker.settle()
    assert (now_as(first).state, now_as(first + 1).state) == ("cancelled", "scheduled")
    assert now_as(first + 1).send_at == now_as(first).send_at
    app.extensions["sms"].cancel(now_as(first + 1).sid)
    arrive(sandbox)
    assert (now_as(first + 1).state, now_as(first + 2).state) == ("cancelled", "needs_review")
    assert "somebody cancelled it at Twilio" in now_as(first + 2).state_why
    told = app.test_client().get("/healthz").json["checks"]["cancelled_there"]
    assert (told["status"], told["words"]) == ("degraded", "2 texts that we want were cancelled at Twilio by others")


def test_what_we_cancel_ourselves_is_not_planned_anew(clinic, worker, clock, sandbox):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 20, 14, 30))
    carry_on(worker, clock, minutes=3)
    with transaction() as session:
        session.get_one(Appointment, visit.id).state = "cancelled"
        session.flush()
        replan(session, session.get_one(Appointment, visit.id), by=OPERATOR, now=clock.now())
    carry_on(worker, clock, minutes=3)
    arrive(sandbox)
    assert db.session.scalars(select(Message.id).where(Message.dedupe_key.startswith("again:"))).all() == []


def test_the_plan_brings_no_third_one_when_the_first_arrived_after_all(clinic, worker, clock, sandbox):
    visit, failed = a_failed_reminder(clinic, worker, clock, sandbox, 30003)
    with transaction() as session:
        session.get_one(Message, failed).state = "delivered"
    go_on(worker, clock, sandbox, 1.5)
    with transaction() as session:
        replan(session, session.get_one(Appointment, visit.id), by=OPERATOR, now=clock.now())
    same_step = select(Reminder.step_key).where(Reminder.id == now_as(failed).reminder_id).scalar_subquery()
    of_step = select(Message.state).join(Reminder, Reminder.id == Message.reminder_id)
    of_step = of_step.where(Reminder.appointment_id == visit.id, Reminder.step_key == same_step).order_by(Message.id)
    assert db.session.scalars(of_step).all() == ["delivered", "cancelled"]
    assert db.session.scalar(select(Reminder.wanted).where(Reminder.id == now_as(failed).reminder_id))


def test_a_move_takes_back_what_was_to_be_tried_again(clinic, worker, clock, sandbox):
    visit, failed = a_failed_reminder(clinic, worker, clock, sandbox, 30003)
    with transaction() as session:
        moved = session.get_one(Appointment, visit.id)
        moved.round += 1
        session.flush()
        replan(session, moved, by=OPERATOR, now=clock.now())
    (again,) = db.session.scalars(select(Message).where(Message.replaces_id == failed)).all()
    assert (again.state, again.wanted) == ("cancelled", False)
