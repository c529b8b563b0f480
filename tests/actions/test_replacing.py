"""A change of settings exchanges what Twilio holds without a moment in which nothing is there, and without a double."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from reminder_site.actions import clinics, reminders, replanning, templates
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR, Actor
from reminder_site.gateways.sms import SmsError
from reminder_site.models import Clinic, Message, Reminder, Template
from reminder_site.queries import plans
from tests import factories
from tests.actions.test_appointments import cancel, move
from tests.delivering import at_twilio, carry_on, trouble

ALICE = Actor("staff", "Alice")
NEW_WORDING = "{{clinic}}: {{first_name}}, do come {{day}} {{time}}. {{phone}}. STOP ends texts"


@pytest.fixture
def visit(clinic, worker, clock, sandbox):
    """An appointment whose two reminders Twilio holds."""
    trouble(sandbox)
    made = factories.an_appointment(clinic, factories.a_patient(clinic))
    carry_on(worker, clock, minutes=5)
    assert len(scheduled(sandbox)) == 2
    return made


def scheduled(sandbox):
    return [text.body for text in at_twilio(sandbox) if text.status == "scheduled"]


def heard(sandbox):
    return [text.body for text in at_twilio(sandbox) if text.status not in {"scheduled", "canceled"}]


def reword(clinic, now, body=NEW_WORDING):
    with transaction() as session:
        versions = dict(session.execute(select(Template.kind, Template.version)).all())
    for kind in ("reminder_ask", "reminder_short"):
        version = versions.get(kind, 0)
        templates.change_template(clinic_id=clinic.id, kind=kind, body=body, version=version, by=OPERATOR, now=now)
    replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=now)


def change_place(clinic, now, place="14 High St"):
    with transaction() as session:
        session.get_one(Clinic, clinic.id).place = place
        clinics.plans_follow(session, clinic.id)
    replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=now)


def test_a_text_that_is_still_true_stays_at_twilio_while_its_successor_cannot_leave(
    clinic, visit, worker, clock, sandbox
):
    trouble(sandbox, {"kind": "reset_before", "on": "create"}, {"kind": "reset_before", "on": "update"})
    reword(clinic, clock.now())
    carry_on(worker, clock, minutes=30, step_seconds=60)
    assert len(scheduled(sandbox)) == 2 and not any("do come" in body for body in scheduled(sandbox))
    trouble(sandbox)
    carry_on(worker, clock, minutes=15)
    assert len(scheduled(sandbox)) == 2 and all("do come" in body for body in scheduled(sandbox))


def test_one_that_has_become_untrue_is_withdrawn_at_once(clinic, visit, worker, clock, sandbox):
    with transaction() as session:
        session.get_one(Clinic, clinic.id).daily_cap = 0
    change_place(clinic, clock.now())
    worker.settle()
    assert scheduled(sandbox) == []


def test_a_successor_leaves_only_once_the_cancel_is_confirmed(app, clinic, visit, worker, clock, sandbox):
    trouble(sandbox, {"kind": "error_before", "on": "update", "next": 4})
    change_place(clinic, clock.now())
    most = 0
    for _ in range(12):
        clock.forward(seconds=5)
        worker.settle()
        most = max(most, len(scheduled(sandbox)))
    carry_on(worker, clock, minutes=10)
    assert most <= 2 and all("14 High St" in body for body in scheduled(sandbox)) and len(scheduled(sandbox)) == 2


def test_a_wording_taken_back_leaves_everything_at_twilio_as_it_was(clinic, visit, worker, clock, sandbox):
    before = {text.sid for text in at_twilio(sandbox) if text.status == "scheduled"}
    for body in (NEW_WORDING, plans.ground(db.session(), clinic.id).texts["reminder_ask"]):
        db.session.rollback()
        with transaction() as session:
            session.get_one(Clinic, clinic.id).daily_cap = 250
        templates_now = {"reminder_ask": body}
        for kind, wording in templates_now.items():
            with transaction() as session:
                there = session.scalar(select(Template).where(Template.kind == kind))
                if there is None:
                    session.add(Template(clinic_id=clinic.id, kind=kind, body=wording, updated_at=clock.now()))
                else:
                    there.body = wording
                clinics.plans_follow(session, clinic.id)
        replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=clock.now())
    carry_on(worker, clock, minutes=5)
    assert {text.sid for text in at_twilio(sandbox) if text.status == "scheduled"} == before


@pytest.mark.parametrize("act", [cancel, move])
def test_what_was_to_make_way_is_withdrawn_with_the_appointment(clinic, visit, worker, clock, sandbox, act):
    trouble(sandbox, {"kind": "reset_before", "on": "create"})
    reword(clinic, clock.now())
    act(clinic, visit.public_id, clock.now())
    carry_on(worker, clock, minutes=2)
    trouble(sandbox)
    carry_on(worker, clock, minutes=15)
    assert not any("Fri 20 Nov" in body for body in scheduled(sandbox))


def test_sent_now_in_the_last_seconds_it_is_texted_once(app, clinic, visit, worker, clock, sandbox):
    db.session.rollback()
    first = db.session.scalar(select(Reminder).where(Reminder.step_key == "3_days"))
    clock.set(first.send_at.subtract(seconds=20))
    sms = app.extensions["sms"]

    def refuse(sid):
        raise SmsError("Twilio answered 30409", permanent=True, code=30409)

    sms.cancel = refuse
    try:
        reminders.send_reminder_now(clinic_id=clinic.id, reminder_id=first.public_id, by=ALICE, now=clock.now())
        worker.settle()
        clock.forward(seconds=30)
        sandbox.exchange.dispatcher.run_due()
        carry_on(worker, clock, minutes=5)
    finally:
        del sms.cancel
    assert len([body for body in heard(sandbox) if "we expect you" in body]) == 1
    last = db.session.scalars(select(Message).where(Message.replaces_id.is_not(None))).one()
    assert (last.state, last.state_why) == (
        "cancelled",
        "not sent: the text it was to replace had left already, and says the same",
    )


def test_a_small_change_lets_no_reminder_of_the_next_days_expire(app, sandbox, clock, worker):
    trouble(sandbox)
    clinic = factories.a_clinic("Cap Clinic", daily_cap=100_000)
    with factories.at_once():
        for number in range(15):
            far = datetime(2026, 11, 25 + number % 3, 9) + timedelta(minutes=5 * number)
            factories.an_appointment(clinic, factories.a_patient(clinic), far)
        near = [
            factories.an_appointment(
                clinic, factories.a_patient(clinic), datetime(2026, 11, 4, 14) + timedelta(minutes=n)
            )
            for n in range(5)
        ]
    carry_on(worker, clock, minutes=5, step_seconds=60)
    clock.forward(hours=23)  # Tuesday morning, before the reminders for Wednesday
    with transaction() as session:
        session.get_one(Clinic, clinic.id).daily_cap = 10
    change_place(clinic, clock.now())
    carry_on(worker, clock, minutes=5 * 60, step_seconds=600)
    visits = [each.id for each in near]
    left = Message.appointment_id.in_(visits), Message.state == "delivered", Message.body.contains("14 High St")
    assert len(db.session.scalars(select(Message).where(*left)).all()) == 5
