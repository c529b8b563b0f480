"""An opt-out begins and ends for one number and one sender, and nobody else's."""

import pytest
from sqlalchemy import select

from reminder_site.actions import learning, opt_outs
from reminder_site.db import db, transaction
from reminder_site.domain.actor import PATIENT
from reminder_site.models import Audit, OptOut, Patient
from reminder_site.queries.plans import is_opted_out
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID as OURS
from tests import factories
from tests.delivering import a_text

OTHERS, THIRD = "MG" + "7" * 32, "MG" + "8" * 32
CAROL, DAVE, ERIN, FRANK = (f"+1212555014{digit}" for digit in "2345")


def keep(now, *opt_outs_of, ended_at=None):
    """Opt-outs that were kept earlier, by number and sender."""
    with transaction() as session:
        for e164, sender in opt_outs_of:
            session.add(OptOut(e164=e164, sender=sender, source="text", started_at=now, ended_at=ended_at))


def in_force():
    db.session.rollback()
    rows = db.session.execute(select(OptOut.e164, OptOut.sender).where(OptOut.ended_at.is_(None)))
    return sorted(tuple(row) for row in rows)


def audited():
    return db.session.scalars(select(Audit.what).where(Audit.what.like("opt_out.%"))).all()


def test_one_that_ends_leaves_those_of_others_and_what_ended_before_as_they_were(clinic, now):
    factories.a_patient(clinic, phone_e164=CAROL)
    earlier, later = now.subtract(days=3), now.add(hours=1)
    keep(earlier, (CAROL, OURS), ended_at=earlier)
    keep(now, (CAROL, OURS), (CAROL, OTHERS), (DAVE, OURS))
    with transaction() as session:
        assert opt_outs.end(session, CAROL, OURS, by=PATIENT, now=later)
    assert in_force() == [(CAROL, OTHERS), (DAVE, OURS)]
    ended = select(OptOut.ended_at).where(OptOut.ended_at.is_not(None)).order_by(OptOut.ended_at)
    assert db.session.scalars(ended).all() == [earlier, later]
    assert audited() == ["opt_out.ended"]


def test_none_ends_where_there_was_none(clinic, now):
    factories.a_patient(clinic, phone_e164=CAROL)
    with transaction() as session:
        assert not opt_outs.end(session, CAROL, OURS, by=PATIENT, now=now)
    assert audited() == []


def test_one_in_force_is_not_kept_twice_and_each_patient_of_the_number_is_noted(clinic, now):
    for name in ("Carol", "Dave"):
        factories.a_patient(clinic, name, phone_e164=CAROL)
    for _ in range(2):
        with transaction() as session:
            opt_outs.start(session, CAROL, OURS, word="STOP", source="text", by=PATIENT, now=now)
    assert (in_force(), audited()) == ([(CAROL, OURS)], ["opt_out.started"] * 4)


def test_a_new_sender_takes_over_what_is_in_force_of_this_clinics_patients_at_the_old_one(clinic, now):
    for number in (CAROL, DAVE, ERIN):
        factories.a_patient(clinic, phone_e164=number)
    factories.a_patient(factories.a_clinic("Oak Clinic"), phone_e164=FRANK)
    keep(now, (CAROL, OURS), (ERIN, THIRD), (FRANK, OURS))
    keep(now, (DAVE, OURS), (CAROL, OTHERS), ended_at=now)
    with transaction() as session:
        opt_outs.carry_over(session, clinic.id, OURS, OTHERS, now=now)
    assert in_force() == [(CAROL, OURS), (CAROL, OTHERS), (ERIN, THIRD), (FRANK, OURS)]


@pytest.mark.parametrize(
    ("code", "number", "flags", "out"),
    [
        (21610, CAROL, {""}, [(CAROL, OURS)]),
        (30006, CAROL, {"", "unreachable"}, []),
        (30006, DAVE, {""}, []),
        (30003, CAROL, {""}, []),
    ],
)
def test_what_twilio_says_of_a_number_is_kept_for_its_patient_alone(clinic, now, code, number, flags, out):
    carol = factories.a_patient(clinic, phone_e164=number)
    factories.a_patient(clinic, "Dave", phone_e164=ERIN)
    a_text(clinic, now, to_e164=FRANK)
    told = a_text(clinic, now, to_e164=CAROL, patient_id=carol.id)
    learning.learn(message_id=told, error_code=code, now=now)
    assert set(db.session.scalars(select(Patient.phone_flag))) == flags
    assert in_force() == out
    assert is_opted_out(db.session(), CAROL, OURS) is bool(out)
