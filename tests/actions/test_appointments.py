"""Booking, moving, cancelling and undoing: what becomes of the appointment, and what the patient hears."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import func, select

from reminder_site.actions import appointments, attendance
from reminder_site.actions.appointments import NewPatient
from reminder_site.db import db
from reminder_site.domain import refusals
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, Audit, Clinician, Message, Patient
from tests import factories
from tests.appointing import ALICE, CAROL, at, cancel, move, read, texts

LATER = datetime(2026, 11, 25, 9, 0)


def undo(clinic, public_id, now):
    return appointments.undo_cancel(clinic_id=clinic.id, appointment_id=public_id, by=ALICE, now=now)


def test_booking_a_new_patient_keeps_wall_time_instant_and_consent(clinic, now, booked):
    appointment = read(booked)
    patient = db.session.get(Patient, appointment.patient_id)
    assert appointment.starts_local == datetime(2026, 11, 20, 14, 30)
    assert appointment.starts_at.isoformat() == "2026-11-20T19:30:00+00:00"
    assert (patient.search_name, patient.consent_how, patient.consent_at) == ("reed carol", "spoken", now)
    assert texts(booked) == ["confirmation", "3_days", "1_day"]


def test_a_patient_who_did_not_agree_gets_no_texts(clinic, now):
    patient = NewPatient("Carol", "Reed", "+12125550147", "")
    booked = appointments.book(
        clinic_id=clinic.id, patient=patient, time=at(clinic, 2026, 11, 20, 9), by=ALICE, now=now
    )
    assert texts(booked) == []


def test_the_same_form_sent_twice_makes_one_appointment(clinic, now):
    alice = Actor("staff", "Alice", factories.a_staff(clinic).id)
    form = {"clinic_id": clinic.id, "patient": CAROL, "time": at(clinic, 2026, 11, 20, 9), "nonce": "n" * 32}
    first = appointments.book(**form, by=alice, now=now)
    assert appointments.book(**form, by=alice, now=now) == first
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 1
    assert db.session.scalar(select(func.count()).select_from(Patient)) == 1


def test_forms_are_told_apart_by_what_they_carry_and_one_without_is_always_new(clinic, now):
    alice = Actor("staff", "Alice", factories.a_staff(clinic).id)
    times = {nonce: at(clinic, 2026, 11, 20, hour) for hour, nonce in enumerate(("a" * 32, "b" * 32, ""), 9)}
    made = [
        appointments.book(clinic_id=clinic.id, patient=CAROL, time=times[nonce], nonce=nonce, by=alice, now=now)
        for nonce in [*times, *times]
    ]
    assert made[:2] == made[3:5] and len(set(made)) == 4


def test_the_same_form_sent_by_eight_at_once_makes_one_appointment(app, clinic, now):
    alice = Actor("staff", "Alice", factories.a_staff(clinic).id)
    form = {"clinic_id": clinic.id, "patient": CAROL, "time": at(clinic, 2026, 11, 20, 9), "nonce": "n" * 32}

    def send(_):
        with app.app_context():
            return appointments.book(**form, by=alice, now=now)

    with ThreadPoolExecutor(8) as browsers:
        made = set(browsers.map(send, range(8)))
    db.session.rollback()
    assert (len(made), db.session.scalar(select(func.count()).select_from(Patient))) == (1, 1)


def test_of_eight_moves_at_once_one_is_saved_and_seven_are_told(app, clinic, now, booked):
    def send(hour):
        with app.app_context():
            try:
                move(clinic, booked, now, time=at(clinic, 2026, 11, 25, hour))
            except refusals.AppointmentChanged:
                return 0
            return 1

    with ThreadPoolExecutor(8) as editors:
        assert sum(editors.map(send, range(8, 16))) == 1
    assert read(booked).version == 2


@pytest.mark.parametrize(
    ("day", "refusal"), [((2026, 11, 2, 9, 0), refusals.InThePast), ((2206, 11, 20, 9, 0), refusals.TooFarAhead)]
)
def test_a_time_that_cannot_be_meant_is_refused(clinic, now, day, refusal):
    with pytest.raises(refusal):
        appointments.book(clinic_id=clinic.id, patient=CAROL, time=at(clinic, *day), by=ALICE, now=now)
    assert db.session.scalar(select(func.count()).select_from(Patient)) == 0


def test_another_clinics_patient_cannot_be_booked(clinic, now):
    stranger = factories.a_patient(factories.a_clinic("Oak Clinic"))
    with pytest.raises(refusals.NotHere):
        appointments.book(
            clinic_id=clinic.id, patient=stranger.public_id, time=at(clinic, 2026, 11, 20, 9), by=ALICE, now=now
        )


def test_moving_takes_every_old_text_back_and_tells_after_the_undo(clinic, now, booked, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    move(clinic, booked, clock.now())
    worker.settle()
    appointment = read(booked)
    assert (appointment.round, appointment.version, appointment.answer) == (2, 2, "none")
    assert (appointment.ics_sequence, appointment.starts_local) == (1, LATER)
    assert texts(booked, "cancelled") == ["3_days", "1_day"]
    assert texts(booked) == ["moved-1", "3_days", "1_day"]
    clock.forward(minutes=3)
    worker.settle()
    assert texts(booked, "accepted", "sent", "delivered") == ["confirmation", "moved-1"]


def test_a_move_nobody_is_told_sends_neither_notice_nor_confirmation(clinic, now, booked):
    move(clinic, booked, now, told=False)
    assert texts(booked) == ["3_days", "1_day"]


def test_only_the_clinician_changes_and_no_text_does(clinic, now, booked):
    factories._keep(Clinician(clinic_id=clinic.id, name="Dr Lee"))
    lee = db.session.scalar(select(Clinician))
    before = texts(booked)
    move(clinic, booked, now, time=at(clinic, 2026, 11, 20, 14, 30), clinician_id=lee.public_id)
    assert (read(booked).clinician_id, read(booked).round, texts(booked)) == (lee.id, 1, before)


def test_moving_to_the_time_it_has_is_refused(clinic, now, booked):
    with pytest.raises(refusals.NothingChanged):
        move(clinic, booked, now, time=at(clinic, 2026, 11, 20, 14, 30))


def test_the_second_of_two_editors_overwrites_nothing(clinic, now, booked):
    move(clinic, booked, now)
    with pytest.raises(refusals.AppointmentChanged) as found:
        move(clinic, booked, now, time=at(clinic, 2026, 12, 1, 9), version=1)
    assert (found.value.theirs, found.value.yours) == (2, 1)
    assert read(booked).starts_local == LATER


def test_an_undone_move_is_as_if_it_had_not_been(clinic, now, booked, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    move(clinic, booked, clock.now())
    appointments.undo_move(clinic_id=clinic.id, appointment_id=booked, by=ALICE, now=clock.now())
    clock.forward(minutes=5)
    worker.settle()
    assert (read(booked).round, read(booked).starts_local) == (1, datetime(2026, 11, 20, 14, 30))
    assert texts(booked) == ["3_days", "1_day"]
    assert texts(booked, "accepted", "sent", "delivered") == ["confirmation"]


def test_a_move_can_be_moved_again_after_its_undo(clinic, now, booked):
    move(clinic, booked, now)
    appointments.undo_move(clinic_id=clinic.id, appointment_id=booked, by=ALICE, now=now)
    move(clinic, booked, now, version=3)
    assert texts(booked) == ["moved-3", "3_days", "1_day"]


def test_a_move_is_not_undone_once_its_time_to_undo_has_passed(clinic, now, booked):
    move(clinic, booked, now)
    with pytest.raises(refusals.TooLateToUndo):
        appointments.undo_move(clinic_id=clinic.id, appointment_id=booked, by=ALICE, now=now.add(minutes=3))


def test_cancelling_withdraws_at_once_and_tells_after_the_undo(clinic, now, booked, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    cancel(clinic, booked, clock.now())
    worker.settle()
    assert texts(booked) == ["cancelled-1"]
    assert texts(booked, "cancelled") == ["3_days", "1_day"]
    clock.forward(minutes=1)
    worker.settle()
    assert texts(booked) == ["cancelled-1"]
    clock.forward(minutes=2)
    worker.settle()
    assert texts(booked, "accepted", "sent", "delivered") == ["confirmation", "cancelled-1"]


def test_a_cancellation_undone_in_time_is_never_heard_of(clinic, now, booked, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    cancel(clinic, booked, clock.now())
    clock.forward(minutes=1)
    assert undo(clinic, booked, clock.now()) is False
    clock.forward(minutes=5)
    worker.settle()
    assert texts(booked, "accepted", "sent", "delivered") == ["confirmation"]
    assert texts(booked) == ["3_days", "1_day"]


def test_a_cancellation_undone_after_it_was_told_is_followed_by_still_on(clinic, now, booked, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    cancel(clinic, booked, clock.now())
    clock.forward(minutes=3)
    worker.settle()
    assert undo(clinic, booked, clock.now()) is True
    worker.settle()
    told = texts(booked, "accepted", "sent", "delivered")
    assert told == ["confirmation", "cancelled-1", "still_on-2"]
    assert texts(booked) == ["3_days", "1_day"]


def test_cancelled_told_and_restored_twice_tells_each_time(clinic, now, booked, worker, clock):
    for _ in range(2):
        cancel(clinic, booked, clock.now())
        clock.forward(minutes=3)
        worker.settle()
        undo(clinic, booked, clock.now())
        worker.settle()
    told = texts(booked, "accepted", "sent", "delivered")
    assert told == ["cancelled-1", "still_on-2", "cancelled-3", "still_on-4"]


def test_the_confirmation_comes_after_all_when_an_early_cancellation_is_undone(clinic, now, booked, worker, clock):
    cancel(clinic, booked, now, told=False)
    clock.forward(minutes=10)
    undo(clinic, booked, clock.now())
    assert texts(booked) == ["confirmation", "3_days", "1_day"]


def test_a_cancellation_is_told_only_if_wanted(clinic, now, booked):
    cancel(clinic, booked, now, told=False)
    assert (texts(booked), read(booked).cancel_reason) == ([], "ill")


def bodies(public_id, *states):
    """List the texts of an appointment that stand in one of the states."""
    texts_of = select(Message.body).join(Appointment, Appointment.id == Message.appointment_id)
    mine = Appointment.public_id == public_id, Message.state.in_(states)
    return list(db.session.scalars(texts_of.where(*mine).order_by(Message.id)))


@pytest.mark.parametrize("moves", [1, 2])
def test_a_cancellation_names_the_time_the_patient_knows(clinic, now, booked, worker, clock, moves):
    clock.forward(minutes=3)
    worker.settle()
    for turn in range(moves):
        move(clinic, booked, clock.now(), time=at(clinic, 2026, 11, 25 + turn, 9), version=1 + turn)
        clock.forward(minutes=1)
        worker.settle()
    cancel(clinic, booked, clock.now())
    clock.forward(minutes=3)
    worker.settle()
    heard = bodies(booked, "accepted", "sent", "delivered")
    assert len(heard) == 2 and all("Fri 20 Nov 2:30pm" in body for body in heard)
    assert "will not take place" in heard[1]
    assert (read(booked).starts_local, read(booked).round) == (datetime(2026, 11, 20, 14, 30), 1)


def test_a_cancellation_after_a_move_that_was_told_names_the_new_time(clinic, now, booked, worker, clock):
    move(clinic, booked, now)
    clock.forward(minutes=3)
    worker.settle()
    cancel(clinic, booked, clock.now())
    assert (read(booked).starts_local, read(booked).round) == (LATER, 2)


def test_a_cancellation_after_a_move_the_patient_knows_of_otherwise_names_the_new_time(clinic, now, booked):
    move(clinic, booked, now, told=False)
    cancel(clinic, booked, now)
    assert "Wed 25 Nov 9:00am" in bodies(booked, "pending")[-1]


def test_undoing_the_second_of_two_moves_nobody_was_told_goes_back_to_the_time_the_patient_knows(clinic, now, booked):
    move(clinic, booked, now)
    move(clinic, booked, now, time=at(clinic, 2026, 12, 1, 9), version=2)
    appointments.undo_move(clinic_id=clinic.id, appointment_id=booked, by=ALICE, now=now)
    assert (read(booked).starts_local, read(booked).round) == (datetime(2026, 11, 20, 14, 30), 1)
    assert texts(booked) == ["confirmation", "3_days", "1_day"]


def test_what_is_cancelled_is_not_cancelled_or_moved_again(clinic, now, booked):
    cancel(clinic, booked, now)
    for again in (cancel, lambda *given: move(*given, version=2)):
        with pytest.raises((refusals.AlreadyCancelled, refusals.AppointmentChanged)):
            again(clinic, booked, now)


def test_a_cancellation_cannot_be_undone_when_its_time_has_come(clinic, now, booked):
    cancel(clinic, booked, now)
    with pytest.raises(refusals.TooLateToUndo):
        undo(clinic, booked, read(booked).starts_at)


def test_what_stands_has_no_cancellation_to_undo(clinic, now, booked):
    with pytest.raises(refusals.NotCancelled):
        undo(clinic, booked, now)


def test_another_clinic_cannot_touch_it(clinic, now, booked):
    other = factories.a_clinic("Oak Clinic")
    for doing in (cancel, move, undo):
        with pytest.raises(refusals.NotHere):
            doing(other, booked, now)


def test_every_change_is_in_the_audit_without_names(clinic, now, booked):
    move(clinic, booked, now)
    cancel(clinic, booked, now)
    undo(clinic, booked, now)
    appointments.undo_move(clinic_id=clinic.id, appointment_id=booked, by=ALICE, now=now)
    attendance.record_outcome(
        clinic_id=clinic.id, appointment_id=booked, outcome="arrived", by=ALICE, now=read(booked).starts_at
    )
    entries = db.session.execute(select(Audit.what, Audit.facts).order_by(Audit.id)).all()
    done = [what for what, _facts in entries if what.startswith(("patient", "appointment"))]
    assert done == [
        "patient.added",
        "appointment.booked",
        "appointment.moved",
        "appointment.cancelled",
        "appointment.restored",
        "appointment.move_undone",
        "appointment.outcome",
    ]
    assert "Carol" not in str(entries)


def test_an_undone_cancellation_brings_the_untold_move_again(clinic, now, booked, worker, clock):
    clock.forward(minutes=3)
    worker.settle()
    move(clinic, booked, clock.now())
    cancel(clinic, booked, clock.now())
    assert texts(booked) == ["cancelled-2"]
    assert not undo(clinic, booked, clock.now())
    assert read(booked).starts_local == LATER
    clock.forward(minutes=3)
    worker.settle()
    assert texts(booked, "scheduled") == ["3_days", "1_day"]
    told = texts(booked, "accepted", "sent", "delivered")
    assert (told[0], len(told)) == ("confirmation", 2)
    assert told[1].startswith("moved-")
