"""What the database gives up for a conflict is done anew as a whole; nobody sees a deadlock, and nothing is lost."""

import threading

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from reminder_site.actions import patients
from reminder_site.db import MOST_TRIES, db, retried, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Clinic, InboundMessage, Message, OptOut, Patient
from tests import factories
from tests.texting import text as texts

pytestmark = pytest.mark.parametrize("app", ["postgresql"], indirect=True)
PHONE = "+12125550142"


def side_by_side(app, *works):
    """Run some works at once, each in its own context; return what each returned or raised."""
    found = [None] * len(works)

    def run(place, work):
        with app.app_context():
            try:
                found[place] = work()
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                found[place] = error

    db.session.rollback()
    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_two_that_wait_for_each_other_both_get_through(app, clinic, sites):
    other, meeting = factories.a_clinic("Oak Clinic"), threading.Barrier(2)
    met = threading.local()

    @retried
    def take(first, second):
        with transaction() as session:
            session.execute(update(Clinic).where(Clinic.id == first).values(version=Clinic.version + 1))
            if not getattr(met, "before", False):
                met.before = True
                meeting.wait(20)
            session.execute(update(Clinic).where(Clinic.id == second).values(version=Clinic.version + 1))
        return "done"

    a, b = clinic.id, other.id
    assert side_by_side(app, lambda: take(a, b), lambda: take(b, a)) == ["done", "done"]
    assert set(db.session.scalars(select(Clinic.version))) == {3}


def test_an_action_is_given_up_only_after_some_tries(app, clinic):
    tries = []

    @retried
    def never():
        tries.append(1)
        with transaction() as session:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$"))

    with pytest.raises(OperationalError):
        never()
    assert len(tries) == MOST_TRIES


def test_what_no_second_try_can_mend_is_raised_at_once(app, clinic):
    tries = []

    @retried
    def wrong():
        tries.append(1)
        with transaction() as session:
            session.execute(text("UPDATE patient SET first_name = repeat('x', 500)"))
            session.execute(text("SELECT 1/0"))

    with pytest.raises(DBAPIError):
        wrong()
    assert len(tries) == 1


@pytest.mark.parametrize("known", [True, False])
def test_two_stops_at_once_are_both_kept(app, clinic, now, known):
    if known:
        factories.an_appointment(clinic, factories.a_patient(clinic, phone_e164=PHONE))
    assert side_by_side(app, *[lambda: texts("STOP", now, phone=PHONE)] * 4) == [None] * 4
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 4
    assert db.session.scalar(select(func.count()).select_from(OptOut)) == 1


def test_one_hand_written_text_sent_twice_at_once_leaves_once(app, clinic, now):
    carol = factories.a_patient(clinic).public_id
    about = {"clinic_id": clinic.id, "patient_id": carol, "body": "Hello", "nonce": "n1", "by": OPERATOR, "now": now}
    assert side_by_side(app, *[lambda: patients.send_text(**about)] * 4) == [about["now"]] * 4
    assert db.session.scalar(select(func.count()).select_from(Message)) == 1


def test_of_two_edits_of_one_patient_one_is_told(app, clinic, now):
    carol = factories.a_patient(clinic)
    details = patients.Details("Carol", "Reed", "+12125550188")
    about = {"clinic_id": clinic.id, "patient_id": carol.public_id, "version": 1, "by": OPERATOR, "now": now}
    found = side_by_side(app, *[lambda: patients.edit(details=details, **about)] * 2)
    assert sorted(type(each).__name__ for each in found) == ["NoneType", "PatientChanged"]
    assert db.session.scalar(select(Patient.version)) == 2
