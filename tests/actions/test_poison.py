"""One row that cannot be worked on, of whatever kind, is put aside and shown; nothing else waits for it."""

from datetime import datetime

import pytest
from sqlalchemy import select, text

from reminder_site.actions import answering, opt_outs, patients
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Appointment, Message, Patient, Template
from reminder_site.queries import health
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from reminder_site.worker import Worker
from tests import factories
from tests.delivering import a_text, at_twilio, carry_on, heart, now_as, trouble

TOO_LONG = ("{{first_name}}: " + "Please bring all your papers with you. " * 41)[:1595]
LONG_NAME = "Maximiliana-Theodora-Wilhelmina"


@pytest.fixture
def other(app, sandbox):
    """Another clinic, whose texts must not suffer."""
    trouble(sandbox)
    return factories.a_clinic("Oak Clinic")


@pytest.fixture
def visit(clinic, worker, clock, sandbox):
    """An appointment whose reminders Twilio holds."""
    made = factories.an_appointment(clinic, factories.a_patient(clinic, LONG_NAME))
    carry_on(worker, clock, minutes=5)
    return made


def spoil(statement, **values):
    with transaction() as session:
        session.execute(text(statement), values)


def replan_all(clinic):
    spoil("UPDATE clinic SET plan_version = plan_version + 1, plans_behind = true WHERE id = :id", id=clinic.id)


def trouble_of(visit):
    db.session.rollback()
    return db.session.scalar(select(Appointment.plan_trouble).where(Appointment.id == visit.id))


def reword(clinic, body):
    with transaction() as session:
        for kind in ("reminder_ask", "reminder_short", "confirmation"):
            there = session.scalar(select(Template).where(Template.clinic_id == clinic.id, Template.kind == kind))
            if there:
                session.delete(there)
                session.flush()
            session.add(Template(clinic_id=clinic.id, kind=kind, body=body, updated_at=clinic.created_at))


SPOILT = {
    "a wording that is too long with one name": lambda clinic, visit: reword(clinic, TOO_LONG),
    "an appointment whose zone does not exist": lambda clinic, visit: spoil(
        "UPDATE appointment SET time_zone = 'Mars/Phobos' WHERE id = :id", id=visit.id
    ),
    "a rule of a kind nobody knows": lambda clinic, visit: spoil(
        "UPDATE reminder_rule SET kind = 'moon_phase' WHERE clinic_id = :id", id=clinic.id
    ),
    "quiet hours with nothing between them": lambda clinic, visit: spoil(
        "UPDATE clinic SET quiet_closes = quiet_opens WHERE id = :id", id=clinic.id
    ),
    "a country without holidays we know": lambda clinic, visit: spoil(
        "UPDATE clinic SET region = 'Nowhere' WHERE id = :id", id=clinic.id
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_plan_that_cannot_be_made_keeps_nothing_else_waiting(clinic, other, visit, worker, clock, kind):
    SPOILT[kind](clinic, visit)
    replan_all(clinic)
    replan_all(other)
    due = a_text(other, clock.now())
    carry_on(worker, clock, minutes=1)
    assert now_as(due).state in {"accepted", "sent", "delivered"}
    assert (clock.now() - heart().beat_at).total_seconds() <= 15


@pytest.mark.parametrize("kind", list(SPOILT)[:2])
def test_an_appointment_put_aside_says_why_and_is_taken_up_after_the_next_change(
    clinic, other, visit, worker, clock, kind
):
    SPOILT[kind](clinic, visit)
    replan_all(clinic)
    carry_on(worker, clock, minutes=1)
    assert trouble_of(visit)
    spoil("UPDATE appointment SET time_zone = 'America/New_York' WHERE id = :id", id=visit.id)
    reword(clinic, "{{first_name}}, see you {{day}} {{time}}. STOP ends texts")
    replan_all(clinic)
    carry_on(worker, clock, minutes=1)
    assert not trouble_of(visit)


def test_its_neighbours_in_the_same_batch_get_their_new_plan(clinic, other, visit, worker, clock):
    after = factories.an_appointment(clinic, factories.a_patient(clinic, "Ann"), datetime(2026, 11, 21, 9, 0))
    reword(clinic, TOO_LONG)
    replan_all(clinic)
    carry_on(worker, clock, minutes=1)
    assert trouble_of(visit) and not trouble_of(after)


def test_a_zone_that_new_rules_no_longer_have_is_put_aside(app, clinic, other, visit, clock):
    spoil("UPDATE appointment SET time_zone = 'Mars/Phobos', tzdb_version = '2025b' WHERE id = :id", id=visit.id)
    well = factories.an_appointment(other, factories.a_patient(other))
    spoil("UPDATE appointment SET tzdb_version = '2025b' WHERE id = :id", id=well.id)
    due = a_text(other, clock.now())
    carry_on(Worker(app, monotonic=clock.monotonic), clock, minutes=1)
    assert trouble_of(visit) and not trouble_of(well)
    assert now_as(due).state != "pending"


@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE clinic SET time_zone = 'Mars/Phobos' WHERE id = :clinic",
        "UPDATE message SET sender = '' WHERE id = :message",
        "UPDATE message SET channel = 'pigeon' WHERE id = :message",
        "UPDATE message SET body = '' WHERE id = :message",
        "UPDATE message SET to_e164 = 'nobody' WHERE id = :message",
    ],
)
def test_a_text_that_cannot_leave_keeps_no_other_one_waiting(clinic, other, worker, clock, sandbox, spoilt):
    bad = a_text(clinic, clock.now(), in_minutes=1, useful_minutes=600)
    spoil(spoilt.replace(":clinic", str(clinic.id)).replace(":message", str(bad)))
    clock.forward(minutes=2)
    good = [a_text(other, clock.now()) for _ in range(3)]
    carry_on(worker, clock, minutes=1)
    assert {now_as(each).state for each in good} <= {"accepted", "sent", "delivered"}
    carry_on(worker, clock, minutes=30, step_seconds=60)
    shown_as_paused = now_as(bad).waits_for == "sender" and health.checks(now=clock.now())["senders"].status == "down"
    assert now_as(bad).state in {"needs_review", "failed"} or shown_as_paused


def test_a_patients_no_counts_though_no_plan_can_be_made(clinic, other, visit, worker, clock, sandbox):
    spoil("UPDATE reminder_rule SET kind = 'moon_phase' WHERE clinic_id = :id", id=clinic.id)
    with transaction() as session:
        answering.answer(session, answering.held(session, visit.id), "cannot_come", way="text", now=clock.now())
    carry_on(worker, clock, minutes=2)
    db.session.rollback()
    assert db.session.get(Appointment, visit.id, populate_existing=True).state == "cancelled"
    assert [t.status for t in at_twilio(sandbox) if t.status == "scheduled"] == []


def test_a_stop_counts_though_no_plan_can_be_made(clinic, other, visit, worker, clock, sandbox):
    spoil("UPDATE reminder_rule SET kind = 'moon_phase' WHERE clinic_id = :id", id=clinic.id)
    number = db.session.scalar(select(Message.to_e164).where(Message.appointment_id == visit.id))
    with transaction() as session:
        opt_outs.start(session, number, MESSAGING_SERVICE_SID, word="STOP", source="text", by=OPERATOR, now=clock.now())
    carry_on(worker, clock, minutes=2)
    assert [t.status for t in at_twilio(sandbox) if t.status == "scheduled"] == []


def test_nothing_goes_on_to_an_old_number_although_no_plan_can_be_made(clinic, visit, worker, clock, sandbox):
    trouble(sandbox)
    patient = db.session.get(Patient, visit.patient_id)
    old, details = patient.phone_e164, patients.Details(patient.first_name, patient.last_name, "+12125550999")
    assert [one for one in at_twilio(sandbox, old) if one.status == "scheduled"]
    reword(clinic, TOO_LONG)
    about = {"clinic_id": clinic.id, "patient_id": patient.public_id, "version": patient.version}
    patients.edit(**about, details=details, by=OPERATOR, now=clock.now())
    carry_on(worker, clock, minutes=5)
    assert [one for one in at_twilio(sandbox, old) if one.status == "scheduled"] == []
