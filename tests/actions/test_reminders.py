"""What the desk does to single reminders and to all of one patient's, and what it notes about a visit."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import attendance, locks, reminders
from reminder_site.actions.plans import replan, switch_off
from reminder_site.db import db, transaction
from reminder_site.domain import refusals
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, Audit, Message, Patient, Reminder
from tests import factories
from tests.appointing import cancel, read
from tests.delivering import at_twilio, carry_on, trouble

ALICE = Actor("staff", "Alice")


@pytest.fixture
def appointment(clinic):
    return factories.an_appointment(clinic, factories.a_patient(clinic))


def again(appointment):
    db.session.rollback()
    return db.session.get(Appointment, appointment.id, populate_existing=True)


def reminder(step):
    """Find the reminder that stands for a step now."""
    db.session.rollback()
    return db.session.scalar(select(Reminder).where(Reminder.step_key == step, Reminder.wanted))


def states(appointment):
    """Name each text with its state, in the order they were made."""
    db.session.rollback()
    rows = db.session.execute(
        select(Reminder.step_key, Message.state)
        .join(Message, Message.reminder_id == Reminder.id)
        .where(Message.appointment_id == appointment.id)
        .order_by(Message.id)
    )
    return [tuple(row) for row in rows]


def do(action, clinic, step, now):
    return action(clinic_id=clinic.id, reminder_id=reminder(step).public_id, by=ALICE, now=now)


def plan_again(appointment, now):
    with transaction() as session:
        replan(session, locks.appointments(session, Appointment.id == appointment.id)[0], by=ALICE, now=now)


def test_a_cancelled_reminder_is_taken_back_at_twilio_and_stays_away(clinic, now, appointment, worker, clock):
    worker.settle()
    assert do(reminders.cancel_reminder, clinic, "3_days", now) == appointment.public_id
    worker.settle()
    plan_again(appointment, now)
    assert ("3_days", "cancelled") in states(appointment)
    assert [step for step, _state in states(appointment)].count("3_days") == 1
    assert reminder("3_days").why == "skipped: taken back by Alice"


def test_a_reminder_sent_now_leaves_once_and_at_once(clinic, now, appointment, worker, clock):
    worker.settle()
    do(reminders.send_reminder_now, clinic, "3_days", now)
    plan_again(appointment, now)
    worker.settle()
    clock.forward(days=16)
    worker.settle()
    sent = [state for step, state in states(appointment) if step == "3_days"]
    assert (sent[0], len(sent)) == ("cancelled", 2)
    assert sent[1] in {"accepted", "sent", "delivered"}
    assert reminder("3_days").why == "sent now by Alice"


def test_a_reminder_sent_now_may_take_a_quarter_of_an_hour_however_late_it_is(clinic, appointment):
    late = reminder("1_day").useful_until.subtract(minutes=5)
    do(reminders.send_reminder_now, clinic, "1_day", late)
    assert reminder("1_day").useful_until == late.add(minutes=15)


def test_a_reminder_taken_back_comes_again_for_another_time_of_the_appointment(clinic, now, appointment):
    do(reminders.cancel_reminder, clinic, "3_days", now)
    with transaction() as session:
        session.get_one(Appointment, appointment.id).round += 1
    plan_again(appointment, now)
    assert ("3_days", "pending") in states(appointment)


def test_a_text_that_has_left_is_not_taken_back_with_its_reminder(clinic, now, appointment):
    with transaction() as session:
        locks.appointments(session, Appointment.id == appointment.id)
        session.execute(update(Message).values(state="sent"))
        switched_off = session.scalar(select(Reminder).where(Reminder.step_key == "3_days"))
        switch_off(session, switched_off, why="taken back by Alice", by=ALICE, now=now)
    assert db.session.scalars(select(Message.wanted)).all() == [True] * 3


def test_whoever_plans_an_appointment_that_is_not_locked_locks_it(appointment, now):
    with transaction() as session:
        found = session.get_one(Appointment, appointment.id)
        replan(session, found, by=ALICE, now=now)
        assert locks.is_held(session, found)


def test_one_sent_now_and_cancelled_with_its_appointment_comes_back_by_its_rule(clinic, now, appointment):
    do(reminders.send_reminder_now, clinic, "3_days", now)
    for state in ("cancelled", "booked"):
        with transaction() as session:
            session.get_one(Appointment, appointment.id).state = state
        plan_again(appointment, now)
    assert reminder("3_days").send_at.isoformat() == "2026-11-17T15:00:00+00:00"


def test_what_has_left_can_be_neither_stopped_nor_hurried(clinic, appointment, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    for action in (reminders.cancel_reminder, reminders.send_reminder_now):
        with pytest.raises(refusals.ReminderHasLeft, match="already sending"):
            do(action, clinic, "confirmation", clock.now())


def test_a_skipped_reminder_has_no_text_to_send(clinic, now, appointment):
    with pytest.raises(refusals.ReminderHasLeft):
        do(reminders.send_reminder_now, clinic, "2_hours", now)


def test_another_clinics_reminder_is_not_there(clinic, now, appointment):
    for action in (reminders.cancel_reminder, reminders.send_reminder_now):
        with pytest.raises(refusals.NotHere):
            do(action, factories.a_clinic("Oak Clinic"), "3_days", now)


def test_reminders_switched_off_take_back_every_text_and_on_bring_them_again(clinic, now, appointment):
    patient = db.session.get(Patient, appointment.patient_id)
    switch = {"clinic_id": clinic.id, "patient_id": patient.public_id, "by": ALICE, "now": now}
    assert reminders.set_patient_reminders(on=False, **switch) == 1
    assert {state for _step, state in states(appointment)} == {"cancelled"}
    assert reminders.set_patient_reminders(on=False, **switch) == 0
    reminders.set_patient_reminders(on=True, **switch)
    assert [state for _step, state in states(appointment)] == ["cancelled"] * 3 + ["pending"] * 3
    audited = select(Audit.what).where(Audit.what.like("patient.reminders%")).order_by(Audit.id)
    assert db.session.scalars(audited).all() == ["patient.reminders_off", "patient.reminders_on"]


def test_confirmed_by_phone_counts_as_an_answer_and_can_be_taken_back(clinic, now, appointment):
    note = {"clinic_id": clinic.id, "appointment_id": appointment.public_id, "by": ALICE, "now": now}
    attendance.record_answer(answer="confirmed", **note)
    assert (again(appointment).answer, again(appointment).answered_at, again(appointment).version) == (
        "confirmed",
        now,
        2,
    )
    assert reminder("1_day").asks is False
    attendance.record_answer(answer="none", **note)
    assert (again(appointment).answer, again(appointment).answered_at) == ("none", None)


def test_an_outcome_is_noted_from_the_clinics_midnight_on(clinic, appointment):
    midnight = appointment.starts_at.in_timezone(clinic.time_zone).start_of("day").in_timezone("UTC")
    note = {"clinic_id": clinic.id, "appointment_id": appointment.public_id, "by": ALICE}
    with pytest.raises(refusals.NotYetToday):
        attendance.record_outcome(outcome="arrived", now=midnight.subtract(seconds=1), **note)
    attendance.record_outcome(outcome="arrived", now=midnight, **note)
    assert (again(appointment).outcome, again(appointment).outcome_at, again(appointment).version) == (
        "arrived",
        midnight,
        1,
    )
    attendance.record_outcome(outcome="", now=midnight, **note)
    assert (again(appointment).outcome, again(appointment).outcome_at) == ("", None)


def test_nothing_is_noted_about_a_cancelled_appointment(clinic, now):
    off = factories.an_appointment(clinic, factories.a_patient(clinic), state="cancelled")
    note = {"clinic_id": clinic.id, "appointment_id": off.public_id, "by": ALICE, "now": off.starts_at}
    with pytest.raises(refusals.AlreadyCancelled):
        attendance.record_outcome(outcome="arrived", **note)
    with pytest.raises(refusals.AlreadyCancelled):
        attendance.record_answer(answer="confirmed", **note)


def test_whoever_was_not_to_be_texted_when_it_was_called_off_is_told_once_texts_are_allowed(
    clinic, booked, worker, clock, sandbox
):
    trouble(sandbox)
    carry_on(worker, clock, minutes=3)
    patient = db.session.get(Patient, read(booked).patient_id).public_id
    about = {"clinic_id": clinic.id, "patient_id": patient, "by": ALICE}
    reminders.set_patient_reminders(on=False, **about, now=clock.now())
    cancel(clinic, booked, clock.now())
    carry_on(worker, clock, minutes=3)
    reminders.set_patient_reminders(on=True, **about, now=clock.now())
    carry_on(worker, clock, minutes=1)
    assert "will not take place" in at_twilio(sandbox)[-1].body
