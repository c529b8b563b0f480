"""What the desk does while a text is on the wire: the text either had left already, or never leaves untrue."""

from contextlib import contextmanager
from datetime import datetime

import pytest
from sqlalchemy import select, update

from reminder_site.actions import appointments, parking, replanning, settings_guard
from reminder_site.actions.appointments import Tell
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Clinic, Message, Patient
from tests import factories
from tests.delivering import at_twilio, carry_on, trouble

ALICE = Actor("staff", "Alice")
OTHER_SERVICE = "MG" + "7" * 32
OLD, NEW = "Thu 5 Nov 10:30am", "Thu 5 Nov 4:00pm"


@pytest.fixture
def visit(clinic, worker, clock):
    """An appointment whose reminder lies at Twilio, two minutes before its confirmation leaves."""
    patient = factories.a_patient(clinic)
    made = factories.an_appointment(clinic, patient, datetime(2026, 11, 5, 10, 30), now=clock.now())
    worker.settle()
    return made


def move(clinic, visit, now):
    time = moment(datetime(2026, 11, 5, 16, 0), clinic.time_zone)
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "tell": Tell(True), "by": ALICE, "now": now}
    appointments.move(time=time, version=version(visit), **about)


def cancel(clinic, visit, now, told=True):
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "tell": Tell(told), "by": ALICE, "now": now}
    appointments.cancel(reason="ill", **about)


def version(visit):
    db.session.rollback()
    return db.session.scalar(select(Appointment.version).where(Appointment.id == visit.id))


@contextmanager
def on_the_wire(app, act):
    """Have something done once, while the first create is under way."""
    sms, done = app.extensions["sms"], []

    def create(**asked):
        answer = type(sms).create(sms, **asked)
        if not done:
            done.append(act())
        return answer

    sms.create = create
    try:
        yield
    finally:
        del sms.create


def heard(sandbox):
    return [text.body for text in at_twilio(sandbox) if text.status not in {"scheduled", "canceled"}]


@pytest.mark.parametrize("act", [move, cancel, lambda *given: cancel(*given, told=False)])
@pytest.mark.parametrize("fault", ["rate_limit_429", "reset_before", "error_before"])
def test_a_confirmation_that_did_not_get_through_never_leaves_after_a_change(
    app, clinic, visit, worker, clock, sandbox, act, fault
):
    clock.forward(minutes=2)
    trouble(sandbox, {"kind": fault, "next": 1, "on": "create"})
    with on_the_wire(app, lambda: act(clinic, visit, clock.now())):
        worker.settle()
    carry_on(worker, clock, minutes=15)
    assert not [body for body in heard(sandbox) if "your appointment is" in body]
    expected = {move: [NEW], cancel: ["will not take place"]}.get(act, [])
    assert len(heard(sandbox)) == len(expected)
    assert all(words in body for words, body in zip(expected, heard(sandbox), strict=True))


@pytest.mark.parametrize("fault", ["error_after", "reset_after"])
def test_one_that_did_get_through_is_followed_by_the_change(app, clinic, visit, worker, clock, sandbox, fault):
    clock.forward(minutes=2)
    trouble(sandbox, {"kind": fault, "next": 1, "on": "create"})
    with on_the_wire(app, lambda: move(clinic, visit, clock.now())):
        worker.settle()
    carry_on(worker, clock, minutes=15)
    assert [NEW in body for body in heard(sandbox)] == [False, True]


def test_a_cancel_and_its_undo_during_the_call_confirm_once(app, clinic, visit, worker, clock, sandbox):
    def cancel_and_undo():
        cancel(clinic, visit, clock.now(), told=False)
        appointments.undo_cancel(clinic_id=clinic.id, appointment_id=visit.public_id, by=ALICE, now=clock.now())

    clock.forward(minutes=2)
    trouble(sandbox, {"kind": "error_after", "next": 1, "on": "create"})
    with on_the_wire(app, cancel_and_undo):
        worker.settle()
    carry_on(worker, clock, minutes=20)
    assert len([body for body in heard(sandbox) if OLD in body and "your appointment is" in body]) == 1


def test_the_last_check_itself_refuses_a_text_of_another_time_or_of_a_cancelled_appointment(
    clinic, visit, worker, clock, sandbox
):
    for change in ({"round": 2}, {"state": "cancelled"}):
        other = factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 5, 11, 0))
        with transaction() as session:
            for name, value in change.items():
                setattr(session.get_one(Appointment, other.id), name, value)
    clock.forward(minutes=3)
    worker.settle()
    assert len(heard(sandbox)) == 1


def test_a_notice_that_was_unclear_does_not_leave_once_no_text_may(clinic, visit, worker, clock, sandbox):
    carry_on(worker, clock, minutes=5)
    cancel(clinic, visit, clock.now())
    trouble(sandbox, {"kind": "error_before", "next": 1, "on": "create"})
    carry_on(worker, clock, minutes=2.25)
    with transaction() as session:
        session.execute(update(Patient).where(Patient.id == visit.patient_id).values(reminders_on=False))
    carry_on(worker, clock, minutes=20)
    assert not [body for body in heard(sandbox) if "will not take place" in body]


def change_clinic(clinic, now, **values):
    with transaction() as session:
        for name, value in values.items():
            setattr(session.get_one(Clinic, clinic.id), name, value)
        settings_guard.plans_follow(session, clinic.id)
    replanning.follow(clinic_id=clinic.id, by=ALICE, now=now)


@pytest.mark.parametrize("changed", [{"place": "14 High St"}, {"phone": "(212) 555-0177"}])
@pytest.mark.parametrize("fault", ["reset_before", "error_before"])
def test_a_text_proved_absent_after_a_change_of_settings_leaves_as_it_is_true_now(
    app, clinic, visit, worker, clock, sandbox, fault, changed
):
    clock.forward(minutes=2)
    trouble(sandbox, {"kind": fault, "next": 1, "on": "create"})
    with on_the_wire(app, lambda: change_clinic(clinic, clock.now(), **changed)):
        worker.settle()
    carry_on(worker, clock, minutes=20)
    [text] = [text for text in at_twilio(sandbox) if text.status not in {"scheduled", "canceled"}]
    assert changed.get("place", "") in text.body and changed.get("phone", "") in text.body


def test_a_text_proved_absent_does_not_leave_from_a_sender_its_clinic_has_no_more(
    app, clinic, visit, worker, clock, sandbox
):
    store = sandbox.exchange.store
    store.rows("INSERT INTO service VALUES (?, 0, '{}')", OTHER_SERVICE)
    store.rows("INSERT INTO number (number, sid, service_sid) VALUES ('+12125559999', 'PN1', ?)", OTHER_SERVICE)
    clock.forward(minutes=2)
    trouble(sandbox, {"kind": "reset_before", "next": 1, "on": "create"})
    with on_the_wire(app, lambda: change_clinic(clinic, clock.now(), sender=OTHER_SERVICE)):
        worker.settle()
    carry_on(worker, clock, minutes=20)
    [text] = [text for text in at_twilio(sandbox) if text.status not in {"scheduled", "canceled"}]
    assert text.service_sid == OTHER_SERVICE


def test_a_parked_text_is_sent_anyway_as_it_is_true_now(clinic, visit, worker, clock, sandbox):
    first = select(Message).where(Message.appointment_id == visit.id).order_by(Message.send_at)
    with transaction() as session:
        message = session.scalars(first).first()
        message.state, message.next_action_at, parked = "needs_review", None, message.public_id
    change_clinic(clinic, clock.now(), place="14 High St")
    clock.forward(minutes=2)
    parking.send_anyway(clinic_id=clinic.id, message_id=parked, by=ALICE, now=clock.now())
    carry_on(worker, clock, minutes=5)
    assert ["14 High St" in body for body in heard(sandbox)] == [True]
