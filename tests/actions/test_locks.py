"""The model of locks is whole, and a transaction that does not keep to it is noticed."""

import ast

import pytest
from sqlalchemy import select, text, update

from reminder_site.actions import locks
from reminder_site.db import Base, db, transaction
from reminder_site.models import Appointment, Clinic, Heartbeat, Message
from tests import factories
from tests.conventions.source import ROOT
from tests.lock_order import FIRST

pytestmark = pytest.mark.parametrize("app", ["postgresql"], indirect=True)
ACTIONS = ROOT / "reminder_site" / "actions"
NEVER_CHANGED = {"audit", "consent_wording", "message_event", "provider_event"}


@pytest.fixture
def order(app, sites):
    """The watch of the site at hand, which is forgotten before it could fail this test."""
    watch = sites("postgresql").lock_order
    yield watch
    watch.forget()


def test_every_table_has_its_place_in_the_order(app):
    places = {*locks.ORDER, *locks.UNDER_APPOINTMENT}
    assert set(Base.metadata.tables) - NEVER_CHANGED <= places


def test_every_action_that_writes_stands_in_the_table_of_first_locks(app):
    missing = []
    for file in ACTIONS.glob("*.py"):
        for function in ast.parse(file.read_text()).body:
            if isinstance(function, ast.FunctionDef) and "with transaction()" in ast.unparse(function):
                name = f"{file.stem}.{function.name}"
                missing += [name] if name not in FIRST and file.stem not in FIRST else []
    assert missing == []


def test_locks_taken_the_wrong_way_round_are_noticed(clinic, order):
    with transaction() as session:
        session.execute(update(Heartbeat).values(drift_count=0))
        session.execute(update(Message).where(Message.id == 0).values(polls=0))
    assert len(order.wrong) == 1 and order.wrong[0].startswith("message after heartbeat")


def test_a_link_that_is_changed_without_its_appointment_is_noticed(clinic, order):
    with transaction() as session:
        session.execute(text("UPDATE manage_link SET expires_at = expires_at"))
    assert len(order.wrong) == 1 and order.wrong[0].startswith("manage_link without its appointment")


def test_inserting_a_text_waits_for_nobody_who_holds_its_clinic_or_its_appointment(app, clinic, now):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), planned=False)
    db.session.rollback()
    with db.engine.connect() as other:
        other.exec_driver_sql("SET TRANSACTION READ WRITE")
        other.execute(update(Clinic).where(Clinic.id == clinic.id).values(version=9))
        held = select(Appointment.id).where(Appointment.id == visit.id).with_for_update(key_share=True)
        other.execute(held)
        with transaction() as session:
            session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            factories_text(session, clinic, visit, now)
        other.rollback()


def factories_text(session, clinic, visit, now):
    common = {"kind": "reminder", "dedupe_key": "x", "to_e164": "+12125550101", "sender": "MG", "body": "Hello"}
    times = {"send_at": now, "useful_until": now, "created_at": now}
    session.add(Message(clinic_id=clinic.id, appointment_id=visit.id, **common, **times))
    session.flush()
