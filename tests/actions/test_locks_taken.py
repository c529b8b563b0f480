"""What an action locks before it reads: all of it, in the order of the house, whatever the text is about."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import locks, parking, set_up
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, Message
from tests import factories
from tests.delivering import a_text

pytestmark = pytest.mark.parametrize("app", ["postgresql"], indirect=True)
ALICE = Actor("staff", "Alice")


@pytest.fixture
def taken(app, sites):
    """Give the locks of the transactions since it was asked last, in order."""
    watch = sites("postgresql").lock_order
    db.session.rollback()

    def since():
        found, watch.taken = watch.taken, []
        return found

    since()
    return since


@pytest.fixture
def parked(clinic):
    """The public id of a parked text of a patient's appointment."""
    visit = factories.an_appointment(clinic, factories.a_patient(clinic))
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        text = session.scalar(select(Message).where(Message.appointment_id == visit.id).limit(1))
        session.execute(update(Message).where(Message.id == text.id).values(state="needs_review"))
        return text.public_id


@pytest.mark.parametrize("decide", [parking.send_anyway, parking.leave])
def test_whoever_decides_about_a_parked_text_holds_all_that_it_is_about(clinic, parked, taken, now, decide):
    taken()
    decide(clinic_id=clinic.id, message_id=parked, by=ALICE, now=now)
    locked = [table for table in taken()[0] if table != "reminder"]  # which has no place in the order
    assert locked[:3] == ["patient", "appointment", "message"]


def test_the_texts_of_a_day_are_counted_by_one_worker_at_a_time(clinic, worker, clock, taken):
    a_text(clinic, clock.now())
    taken()
    worker.settle(limit=1)
    assert any(locked[:2] == ("message", "daily limit") for locked in taken())


def test_the_code_of_the_machine_is_made_by_one_at_a_time(app, now, taken):
    set_up.new_code(now=now)
    assert taken()[0][0] == "named"
