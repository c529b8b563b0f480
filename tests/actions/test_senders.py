"""A clinic that texts from another sender takes its patients' opt-outs and its waiting texts along."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import clinics, opt_outs, replanning
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR, PATIENT
from reminder_site.models import Clinic, Message, OptOut
from reminder_site.queries.plans import is_opted_out
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, carry_on, now_as, trouble

NEW = "MG" + "7" * 32


def facts_of(clinic):
    names = clinics.TextingFacts.__dataclass_fields__
    return clinics.TextingFacts(**{name: getattr(clinic, name) for name in names})


def change_texting(clinic, now, **values):
    db.session.rollback()
    row = db.session.get(Clinic, clinic.id, populate_existing=True)
    about = {"clinic_id": clinic.id, "version": row.version, "by": OPERATOR, "now": now}
    clinics.change_texting(facts=replace(facts_of(row), **values), **about)
    replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=now)


def stop(number, sender, now):
    with transaction() as session:
        opt_outs.start(session, number, sender, word="STOP", source="text", by=PATIENT, now=now)


def test_whoever_opted_out_of_the_old_sender_gets_nothing_from_the_new_one(clinic, worker, clock, sandbox):
    trouble(sandbox)
    carol, stranger = factories.a_patient(clinic), "+12125550999"
    for number in (carol.phone_e164, stranger):
        stop(number, MESSAGING_SERVICE_SID, clock.now())
    change_texting(clinic, clock.now(), sender=NEW)
    assert is_opted_out(db.session(), carol.phone_e164, NEW)
    assert not is_opted_out(db.session(), stranger, NEW)
    late = a_text(clinic, clock.now(), to_e164=carol.phone_e164, sender=NEW)
    worker.settle()
    assert now_as(late).state == "suppressed"


def test_an_opt_out_that_was_ended_is_not_taken_along_and_one_there_already_is_not_doubled(clinic, clock):
    ended, twice = factories.a_patient(clinic), factories.a_patient(clinic)
    for number, sender in ((ended.phone_e164, MESSAGING_SERVICE_SID), (twice.phone_e164, MESSAGING_SERVICE_SID)):
        stop(number, sender, clock.now())
    stop(twice.phone_e164, NEW, clock.now())
    with transaction() as session:
        session.execute(update(OptOut).where(OptOut.e164 == ended.phone_e164).values(ended_at=clock.now()))
    change_texting(clinic, clock.now(), sender=NEW)
    assert not is_opted_out(db.session(), ended.phone_e164, NEW)
    both = OptOut.e164 == twice.phone_e164, OptOut.sender == NEW
    assert db.session.scalar(select(func.count()).where(*both)) == 1


def test_planned_texts_leave_from_the_new_sender(clinic, worker, clock, sandbox):
    trouble(sandbox)
    visit = factories.an_appointment(clinic, factories.a_patient(clinic))
    carry_on(worker, clock, minutes=5)
    change_texting(clinic, clock.now(), sender=NEW)
    db.session.rollback()
    waiting = Message.appointment_id == visit.id, Message.state == "pending"
    assert set(db.session.scalars(select(Message.sender).where(*waiting))) == {NEW}


@pytest.mark.parametrize("raised", [{"daily_cap": 50}])
def test_what_waits_for_the_limit_leaves_as_soon_as_it_is_raised(clinic, worker, clock, sandbox, raised):
    trouble(sandbox)
    change_texting(clinic, clock.now(), daily_cap=1)
    texts = [a_text(clinic, clock.now(), kind="staff") for _ in range(3)]
    worker.settle()
    assert sorted(now_as(each).state for each in texts) == ["accepted", "pending", "pending"]
    change_texting(clinic, clock.now(), **raised)
    worker.settle()
    assert {now_as(each).state for each in texts} == {"accepted"}


def test_a_clinic_may_name_the_sender_that_it_has_all_along(clinic, now):
    change_texting(clinic, now, sender=MESSAGING_SERVICE_SID)
    with transaction() as session:
        assert session.get_one(Clinic, clinic.id).sender == MESSAGING_SERVICE_SID
