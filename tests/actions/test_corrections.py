"""A text that left although nobody wanted it any more: its patient is told how it stands, once."""

import pytest
from sqlalchemy import select

from reminder_site.actions import appointments
from reminder_site.db import db, transaction
from reminder_site.models import Audit, Clinic, Template
from tests.appointing import ALICE, at, cancel, move, read, texts
from tests.delivering import at_twilio, carry_on, trouble

NO_CANCELS = {"kind": "error_before", "on": "update"}


@pytest.fixture
def at_night(clinic, told, clock):
    """After hours: Twilio holds texts about a change until 8 in the morning."""
    clock.set(at(clinic, 2026, 11, 2, 21, 30).at)
    return told


def just_before_eight(clinic, worker, clock, sandbox):
    """Let Twilio have what is to leave at 8, and take no cancel any more."""
    carry_on(worker, clock, minutes=3)
    clock.set(at(clinic, 2026, 11, 3, 7, 59, 30).at)
    trouble(sandbox, NO_CANCELS)


def undo_cancel(clinic, public_id, now):
    appointments.undo_cancel(clinic_id=clinic.id, appointment_id=public_id, by=ALICE, now=now)


def ten_minutes(worker, clock, sandbox):
    """Let Twilio take cancels again once it is too late for them."""
    carry_on(worker, clock, minutes=2)
    trouble(sandbox)
    carry_on(worker, clock, minutes=8)


def said(sandbox):
    """What the phone got, after the confirmation."""
    left = [text for text in at_twilio(sandbox) if text.status not in {"canceled", "scheduled"}]
    return [text.body for text in sorted(left, key=lambda text: text.sent_at)][1:]


def test_who_hears_of_a_cancellation_that_was_undone_hears_that_it_is_on(clinic, at_night, worker, clock, sandbox):
    cancel(clinic, at_night, clock.now())
    just_before_eight(clinic, worker, clock, sandbox)
    undo_cancel(clinic, at_night, clock.now())
    ten_minutes(worker, clock, sandbox)
    off, on = said(sandbox)
    assert "will not take place" in off and "ignore our last text" in on and "2:30pm" in on
    assert texts(at_night) == ["3_days", "1_day"]
    assert (
        db.session.scalars(select(Audit.facts).where(Audit.what == "appointment.told_again")).one()["kind"]
        == "still_on"
    )


def test_a_cancellation_that_was_stopped_in_time_needs_no_correction(clinic, at_night, worker, clock, sandbox):
    cancel(clinic, at_night, clock.now())
    carry_on(worker, clock, minutes=3)
    undo_cancel(clinic, at_night, clock.now())
    clock.set(at(clinic, 2026, 11, 3, 7, 55).at)
    carry_on(worker, clock, minutes=10)
    assert said(sandbox) == []


def test_who_hears_of_a_move_that_was_taken_back_by_another_hears_the_time_that_counts(
    clinic, at_night, worker, clock, sandbox
):
    move(clinic, at_night, clock.now())
    just_before_eight(clinic, worker, clock, sandbox)
    move(clinic, at_night, clock.now(), time=at(clinic, 2026, 11, 26, 9, 0), told=False, version=2)
    ten_minutes(worker, clock, sandbox)
    first, last = said(sandbox)
    assert "Wed 25 Nov" in first and "Thu 26 Nov 9:00am" in last


def test_a_reminder_that_leaves_after_the_cancellation_was_told_is_taken_back(clinic, told, worker, clock, sandbox):
    clock.set(at(clinic, 2026, 11, 17, 9, 50).at)
    trouble(sandbox, NO_CANCELS)
    cancel(clinic, told, clock.now())
    carry_on(worker, clock, minutes=9)
    ten_minutes(worker, clock, sandbox)
    assert ["will not" in body for body in said(sandbox)] == [True, False, True]


def test_who_was_not_to_be_texted_about_a_cancellation_gets_no_correction(clinic, told, worker, clock, sandbox):
    clock.set(at(clinic, 2026, 11, 17, 9, 50).at)
    trouble(sandbox, NO_CANCELS)
    cancel(clinic, told, clock.now(), told=False)
    carry_on(worker, clock, minutes=9)
    ten_minutes(worker, clock, sandbox)
    assert ["see you" in body or "we expect you" in body for body in said(sandbox)] == [True]


def test_a_correction_that_cannot_be_written_is_put_aside_once_and_shown(
    clinic, at_night, worker, clock, sandbox, caplog
):
    cancel(clinic, at_night, clock.now())
    just_before_eight(clinic, worker, clock, sandbox)
    undo_cancel(clinic, at_night, clock.now())
    with transaction() as session:
        session.get_one(Clinic, clinic.id).place = "P" * 40
        session.add(
            Template(clinic_id=clinic.id, kind="still_on", body="x" * 1590 + "{{place}}", updated_at=clock.now())
        )
    ten_minutes(worker, clock, sandbox)
    assert "would have 1,630 characters" in read(at_night).plan_trouble
    assert caplog.text.count("could not be planned anew") == 1
