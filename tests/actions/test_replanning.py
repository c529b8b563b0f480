"""After a change of settings every coming appointment gets its new plan, also when the process dies halfway."""

import threading
from datetime import datetime

import pytest
from sqlalchemy import select

from reminder_site.actions import appointments, replanning, rules
from reminder_site.db import db
from reminder_site.domain.actor import OPERATOR, WORKER
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Clinic, Reminder, ReminderRule
from reminder_site.queries.settings import unfinished
from tests import factories

ABOUT = {"by": OPERATOR}


def switch_off(clinic, key, now):
    row = db.session.scalars(
        select(ReminderRule).where(ReminderRule.clinic_id == clinic.id, ReminderRule.key == key)
    ).one()
    rules.switch_rule(clinic_id=clinic.id, rule=row.public_id, on=False, **ABOUT, now=now)


def planned(key):
    db.session.rollback()
    mine = Reminder.step_key == key, Reminder.wanted, Reminder.send_at.is_not(None)
    return len(db.session.scalars(select(Reminder).where(*mine)).all())


@pytest.fixture
def busy(clinic):
    """Elm Clinic with 120 coming appointments, more than two batches."""
    patient = factories.a_patient(clinic)
    with factories.at_once():
        for number in range(120):
            factories.an_appointment(clinic, patient, datetime(2026, 11, 20 + number % 5, 9 + number % 8, 30))
    return clinic


def test_every_coming_appointment_follows(busy, now):
    switch_off(busy, "3_days", now)
    assert planned("3_days") == 120
    done = replanning.follow(clinic_id=busy.id, **ABOUT, now=now)
    assert (done.looked_at, done.changed, done.unfinished) == (120, 120, False)
    assert planned("3_days") == 0 and planned("1_day") == 120


def test_what_is_left_is_carried_on_from_where_it_stopped(busy, now):
    switch_off(busy, "3_days", now)
    first = replanning.follow(clinic_id=busy.id, **ABOUT, now=now, at_once=50)
    assert (first.looked_at, first.unfinished, planned("3_days")) == (50, True, 70)
    looked_at = [replanning.carry_on(by=WORKER, now=now, at_once=50) for _ in range(3)]
    assert looked_at == [50, 20, 0] and planned("3_days") == 0


def test_a_batch_that_fails_keeps_its_place(busy, now, monkeypatch):
    switch_off(busy, "3_days", now)
    real, calls = replanning.replan, []

    def dies_at_the_seventieth(*given, **named):
        calls.append(1)
        if len(calls) == 70:
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(replanning, "replan", dies_at_the_seventieth)
    with pytest.raises(KeyboardInterrupt):
        replanning.follow(clinic_id=busy.id, **ABOUT, now=now)
    monkeypatch.undo()
    assert planned("3_days") == 60
    replanning.follow(clinic_id=busy.id, **ABOUT, now=now)
    assert planned("3_days") == 0


def test_a_change_in_the_middle_begins_anew(busy, now):
    switch_off(busy, "3_days", now)
    replanning.follow(clinic_id=busy.id, **ABOUT, now=now, at_once=replanning.BATCH)
    switch_off(busy, "1_day", now)
    replanning.follow(clinic_id=busy.id, **ABOUT, now=now)
    assert planned("3_days") == planned("1_day") == 0
    assert not unfinished(busy.id, now=now)


def test_the_nearest_appointments_follow_first(busy, now):
    switch_off(busy, "3_days", now)
    replanning.follow(clinic_id=busy.id, **ABOUT, now=now, at_once=30)
    db.session.rollback()
    by_now = select(Appointment.starts_at).where(Appointment.planned_with == 2)
    yet_to_come = select(Appointment.starts_at).where(Appointment.planned_with == 1)
    assert max(db.session.scalars(by_now)) <= min(db.session.scalars(yet_to_come))


def test_a_clinic_is_looked_at_until_nobody_can_still_be_saving_by_the_old_settings(busy, now):
    switch_off(busy, "3_days", now)
    replanning.follow(clinic_id=busy.id, **ABOUT, now=now)
    for seconds, looks_on in ((119, True), (120, False)):
        replanning.carry_on(by=WORKER, now=now.add(seconds=seconds))
        assert db.session.scalar(select(Clinic.plans_behind)) == looks_on


def test_what_is_booked_while_a_rule_is_saved_follows_it_too(app, clinic, now, monkeypatch):
    patient, real = factories.a_patient(clinic).public_id, appointments.replan
    time = moment(datetime(2026, 11, 20, 9, 30), clinic.time_zone)
    planned_by_the_old_rules, waited = threading.Event(), threading.Event()

    def then_wait(*given, **named):
        real(*given, **named)
        planned_by_the_old_rules.set()
        waited.wait(0.5)

    def book():
        with app.app_context():
            appointments.book(clinic_id=clinic.id, patient=patient, time=time, **ABOUT, now=now)

    monkeypatch.setattr(appointments, "replan", then_wait)
    booking = threading.Thread(target=book)
    db.session.rollback()
    booking.start()
    assert planned_by_the_old_rules.wait(60)
    switch_off(clinic, "3_days", now)
    replanning.follow(clinic_id=clinic.id, **ABOUT, now=now)
    waited.set()
    booking.join()
    replanning.carry_on(by=WORKER, now=now)
    assert planned("3_days") == 0 and planned("1_day") == 1


def test_another_clinic_and_the_past_are_left_alone(clinic, now):
    other = factories.a_clinic("Oak Clinic")
    factories.an_appointment(other, factories.a_patient(other), datetime(2026, 11, 20, 9, 30))
    gone = factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 20, 9, 30))
    switch_off(clinic, "3_days", now)
    done = replanning.follow(clinic_id=clinic.id, **ABOUT, now=gone.starts_at.add(minutes=1))
    assert done.looked_at == 0 and planned("3_days") == 2
