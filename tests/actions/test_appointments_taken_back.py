"""Taking back a move or a cancellation: what the patient was told decides what comes back, and until when."""

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import appointments, reminders
from reminder_site.db import db, transaction
from reminder_site.domain import refusals
from reminder_site.models import Audit, Message, Reminder
from tests import factories
from tests.appointing import ALICE, at, book, cancel, move, read, texts


def undo_cancel(clinic, public_id, now):
    return appointments.undo_cancel(clinic_id=clinic.id, appointment_id=public_id, by=ALICE, now=now)


def undo_move(clinic, public_id, now):
    appointments.undo_move(clinic_id=clinic.id, appointment_id=public_id, by=ALICE, now=now)


def test_a_move_whose_new_time_was_texted_within_the_undo_cannot_be_taken_back(clinic, told, worker, clock):
    move(clinic, told, clock.now())
    reminder = db.session.scalar(select(Reminder.public_id).where(Reminder.step_key == "3_days", Reminder.wanted))
    reminders.send_reminder_now(clinic_id=clinic.id, reminder_id=reminder, by=ALICE, now=clock.now())
    worker.settle()
    with pytest.raises(refusals.TooLateToUndo):
        undo_move(clinic, told, clock.now().add(seconds=30))


def test_a_move_can_be_taken_back_up_to_the_last_moment_of_the_undo(clinic, booked, now):
    move(clinic, booked, now)
    until = read(booked).undo_until
    with pytest.raises(refusals.TooLateToUndo):
        undo_move(clinic, booked, until.add(microseconds=1))
    undo_move(clinic, booked, until)
    assert read(booked).starts_local == at(clinic, 2026, 11, 20, 14, 30).local


def test_a_second_cancellation_taken_back_in_time_is_not_told_though_the_first_was(clinic, told, worker, clock):
    cancel(clinic, told, clock.now())
    clock.forward(minutes=3)
    worker.settle()
    assert undo_cancel(clinic, told, clock.now())
    clock.forward(minutes=3)
    worker.settle()
    cancel(clinic, told, clock.now())
    assert not undo_cancel(clinic, told, clock.now().add(seconds=30))
    assert texts(told) == ["3_days", "1_day"]


def test_a_move_taken_back_by_a_cancellation_that_was_told_does_not_come_again(clinic, told, worker, clock):
    move(clinic, told, clock.now())
    cancel(clinic, told, clock.now())
    clock.forward(minutes=3)
    worker.settle()
    assert texts(told, "accepted") == ["cancelled-2"]
    assert undo_cancel(clinic, told, clock.now())
    assert read(told).starts_local == at(clinic, 2026, 11, 20, 14, 30).local


def test_a_cancellation_so_late_that_nobody_can_be_told_does_not_say_that_it_was(clinic, now):
    soon = book(clinic, now, at(clinic, 2026, 11, 2, 9, 1), factories.a_patient(clinic).public_id)
    cancel(clinic, soon, now)
    facts = db.session.scalars(select(Audit.facts).where(Audit.what == "appointment.cancelled")).one()
    assert (facts["told"], texts(soon)) == (False, [])


def test_a_move_whose_text_is_parked_and_was_never_tried_can_be_taken_back(clinic, told, clock):
    move(clinic, told, clock.now())
    with transaction() as session:
        its_text = Message.id == select(func.max(Message.id)).where(Message.kind == "notice").scalar_subquery()
        session.execute(update(Message).where(its_text).values(state="needs_review", next_action_at=None))
    undo_move(clinic, told, clock.now())
    assert read(told).starts_local == at(clinic, 2026, 11, 20, 14, 30).local and texts(told, "needs_review") == []
