"""What a new plan takes back and what it leaves: a text that has left, or is leaving, stays as it was told."""

from datetime import datetime

import pendulum
from sqlalchemy import select

from reminder_site.actions import attendance, patients, reminders
from reminder_site.actions.patients import Details
from reminder_site.db import db, transaction
from reminder_site.models import Message, Patient, Reminder
from tests import factories
from tests.appointing import ALICE, at, book, cancel, move, read, texts
from tests.delivering import carry_on, now_as, trouble
from tests.texting import fresh


def wanted(step):
    """Say of each reminder of a step whether it stands."""
    db.session.rollback()
    return db.session.scalars(select(Reminder.wanted).where(Reminder.step_key == step)).all()


def test_a_reminder_of_the_former_time_does_not_stand_for_one_of_the_new_time(clinic, booked, worker, clock, sandbox):
    trouble(sandbox)
    clock.set(pendulum.datetime(2026, 11, 17, 15, 5))
    carry_on(worker, clock, minutes=1)
    assert "3_days" in texts(booked, "accepted", "sent", "delivered")
    move(clinic, booked, clock.now(), time=at(clinic, 2026, 12, 10, 9, 0))
    assert "3_days" in texts(booked)


def test_a_confirmation_that_has_left_stays_on_record_when_the_patient_confirms(clinic, told, clock):
    confirmed = {"answer": "confirmed", "by": ALICE, "now": clock.now()}
    attendance.record_answer(clinic_id=clinic.id, appointment_id=told, **confirmed)
    assert wanted("confirmation") == [True]


def test_the_text_about_a_move_that_has_left_stays_on_record_after_the_next_move(clinic, told, worker, clock):
    move(clinic, told, clock.now())
    clock.forward(minutes=3)
    worker.settle()
    move(clinic, told, clock.now(), time=at(clinic, 2026, 12, 10, 9, 0), version=2)
    assert wanted("moved-1") == [True]


def test_a_text_that_is_being_handed_to_twilio_with_its_send_time_is_taken_back_by_a_cancellation(clinic, booked, now):
    with transaction() as session:
        of_step = select(Message).join(Reminder, Reminder.id == Message.reminder_id).where(Reminder.step_key == "1_day")
        message = session.scalars(of_step).one()
        message.state, message.route = "submitting", "twilio"
    cancel(clinic, booked, now)
    assert not now_as(message.id).wanted


def test_a_new_number_gets_the_confirmation_however_long_ago_the_old_one_had_it(clinic, told, clock):
    clock.forward(hours=3)
    patient = db.session.get(Patient, read(told).patient_id)
    details = Details("Carol", "Reed", "+12125550188")
    known = {"patient_id": patient.public_id, "version": patient.version}
    patients.edit(clinic_id=clinic.id, **known, details=details, by=ALICE, now=clock.now())
    assert texts(told) == ["confirmation", "3_days", "1_day"]


def test_switching_reminders_off_counts_and_touches_only_appointments_ahead(clinic, now):
    carol = factories.a_patient(clinic)
    over = factories.an_appointment(clinic, carol, datetime(2026, 11, 2, 9, 0))
    ahead = factories.an_appointment(clinic, carol)
    switched = {"patient_id": carol.public_id, "on": False, "by": ALICE}
    assert reminders.set_patient_reminders(clinic_id=clinic.id, **switched, now=now) == 1
    assert (texts(fresh(over).public_id), texts(fresh(ahead).public_id)) == ([], [])


def test_texts_that_are_read_in_another_year_than_the_appointment_name_its_year(clinic, now):
    booked = book(clinic, now, at(clinic, 2027, 1, 4, 14, 30))
    bodies = db.session.scalars(select(Message.body).where(Message.appointment_id == read(booked).id)).all()
    assert sorted("Mon 4 Jan 2027" in body for body in bodies) == [False, True, True]


HONOLULU = "+18085550142"


def three_days(visit):
    """When the reminder three days before leaves, on the wall in New York, and why then."""
    db.session.rollback()
    one = db.session.scalar(select(Reminder).where(Reminder.appointment_id == visit.id, Reminder.step_key == "3_days",
                                                   Reminder.wanted))  # fmt: skip
    return one.local_at, one.why


def test_a_number_at_home_in_honolulu_gets_its_reminder_by_day_there(clinic, now):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic, phone_e164=HONOLULU))
    at, why = three_days(visit)
    assert at == datetime(2026, 11, 17, 13)
    assert why.endswith("because it is 5:00 am in Honolulu, where this phone may be")


def test_where_the_patient_is_outranks_where_the_number_is_from(clinic, now):
    carol = factories.a_patient(clinic, phone_e164=HONOLULU)
    visit = factories.an_appointment(clinic, carol)
    details = Details("Carol", "Reed", HONOLULU, time_zone="America/New_York")
    known = {"clinic_id": clinic.id, "patient_id": carol.public_id, "version": 1}
    patients.edit(**known, details=details, by=ALICE, now=now)
    assert three_days(visit) == (datetime(2026, 11, 17, 10), "3 days before, at 10:00 am")
