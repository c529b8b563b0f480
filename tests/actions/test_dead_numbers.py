"""A number that nothing reaches: what is planned for it is taken back, until somebody says that it is right."""

from datetime import datetime

import pytest

from reminder_site.actions import patients
from reminder_site.db import db
from reminder_site.domain.actor import Actor
from reminder_site.models import Message, Patient
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, answering, arrive, at_twilio, carry_on, now_as

TO = "+12125550142"
ALICE = Actor("staff", "Alice", None)


@pytest.fixture
def called_back(app, sandbox):
    """The site answers on a port; Twilio's callbacks arrive there."""
    with answering(app):
        yield
        arrive(sandbox)


def flag(patient):
    db.session.rollback()
    return db.session.get(Patient, patient.id, populate_existing=True).phone_flag


@pytest.mark.parametrize("code", [30005, 30006, 21614])
def test_after_a_receipt_that_nothing_reaches_it_all_else_to_a_number_is_taken_back(
    clinic, worker, clock, sandbox, called_back, code
):
    carol = factories.a_patient(clinic, phone_e164=TO)
    tim = factories.a_patient(clinic, "Tim", phone_e164=TO)
    factories.an_appointment(clinic, tim, datetime(2026, 11, 20, 14, 30))
    sandbox.exchange.faults.put({"carrier": {TO: {"status": "undelivered", "error_code": code}}})
    held = a_text(clinic, clock.now(), to_e164=TO, patient_id=carol.id, in_minutes=300)
    waiting = a_text(clinic, clock.now(), to_e164=TO, in_minutes=10)
    worker.settle()
    first = a_text(clinic, clock.now(), to_e164=TO, patient_id=carol.id)
    worker.settle()
    arrive(sandbox)
    assert (now_as(first).state, flag(carol), flag(tim)) == ("undelivered", "unreachable", "unreachable")
    carry_on(worker, clock, minutes=15)
    arrive(sandbox)
    assert {now_as(m).state for m in (held, waiting)} == {"cancelled"}
    alive = db.session.query(Message).filter(Message.to_e164 == TO, Message.state.in_(["pending", "scheduled"]))
    assert alive.all() == []
    assert [text.status for text in at_twilio(sandbox, TO) if text.status == "scheduled"] == []


def test_once_somebody_says_that_it_is_right_texts_are_planned_again(clinic, worker, clock, sandbox, called_back):
    carol = factories.a_patient(clinic, phone_e164=TO)
    factories.an_appointment(clinic, carol, datetime(2026, 11, 20, 14, 30))
    sandbox.exchange.faults.put({"carrier": {TO: {"status": "undelivered", "error_code": 30006}}})
    worker.settle()
    clock.forward(minutes=3)
    worker.settle()
    arrive(sandbox)
    assert flag(carol) == "unreachable"
    patients.trust_number(clinic_id=clinic.id, patient_id=carol.public_id, by=ALICE, now=clock.now())
    mine = db.session.query(Message).filter(
        Message.to_e164 == TO, Message.wanted, Message.sender == MESSAGING_SERVICE_SID
    )
    assert [m.state for m in mine if m.state == "pending"], "nothing is planned again"
