"""Nobody gives a clinic that is not theirs, or changes anything of one by a change at their own."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import replanning, rules, staff
from reminder_site.actions.settings_guard import NotHere
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR, Actor
from reminder_site.models import Appointment, Clinic, ReminderRule, StaffClinic
from tests import factories


@pytest.fixture
def oak(app):
    return factories.a_clinic("Oak Clinic")


def works_at(somebody):
    db.session.rollback()
    return set(db.session.scalars(select(StaffClinic.clinic_id).where(StaffClinic.staff_id == somebody.id)))


def test_only_ones_own_clinics_are_given_to_somebody(clinic, oak, now):
    dana, sam = factories.a_staff(clinic, "Dana", "administrator"), factories.a_staff(clinic, "Sam")
    given = {"staff": sam.public_id, "name": "Sam", "role": "reception", "version": sam.version, "now": now}
    by = Actor("staff", "Dana", dana.id)
    for clinics in ([oak.public_id], [clinic.public_id, oak.public_id], []):
        with pytest.raises(staff.NotYours):
            staff.change_staff(clinics=clinics, by=by, **given)
    assert works_at(sam) == {clinic.id}
    staff.change_staff(clinics=[clinic.public_id, oak.public_id], by=OPERATOR, **given)
    assert works_at(sam) == {clinic.id, oak.id}


def test_a_cadence_switches_the_rules_of_its_clinic_alone(oak, clinic, now):
    with transaction() as session:
        session.execute(update(ReminderRule).values(enabled=True))
    with pytest.raises(NotHere):
        rules.take_cadence(clinic_id=clinic.id, cadence="none", by=OPERATOR, now=now)
    rules.take_cadence(clinic_id=clinic.id, cadence="hospital", by=OPERATOR, now=now)
    enabled = {
        place.id: set(db.session.scalars(select(ReminderRule.enabled).where(ReminderRule.clinic_id == place.id)))
        for place in (clinic, oak)
    }
    assert enabled == {clinic.id: {True, False}, oak.id: {True}}


def test_a_change_of_settings_is_followed_by_the_appointments_of_its_clinic_alone(clinic, oak, now):
    ours, theirs = (factories.an_appointment(place, factories.a_patient(place)) for place in (clinic, oak))
    with transaction() as session:
        changed = {"plan_version": Clinic.plan_version + 1, "plans_behind": True}
        session.execute(update(Clinic).where(Clinic.id == clinic.id).values(**changed))
    replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=now)
    db.session.rollback()
    planned = dict(db.session.execute(select(Appointment.id, Appointment.planned_with)).all())
    assert planned[ours.id] == planned[theirs.id] + 1
