"""The audit as people search it: by day, person, kind and whose; never another clinic's."""

from datetime import date

import pytest
from sqlalchemy import select

from reminder_site.actions import patients, reading, staff
from reminder_site.actions.patients import Details
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, StaffClinic
from reminder_site.queries import audit_log
from reminder_site.queries.audit_log import READS, Sought
from tests import factories
from tests.appointing import at, book

ZONE = "America/New_York"


def found(clinic, before=None, **sought):
    db.session.rollback()
    return audit_log.found(clinic_id=clinic.id, zone=ZONE, sought=Sought(**sought), before=before)


def whats(lines):
    return [(line.who, line.what, line.about.words) for line in lines]


@pytest.fixture
def carol(clinic, now):
    """Carol, whom Alice added; her appointment was booked by Bob the next evening."""
    added = patients.add(clinic_id=clinic.id, details=Details("Carol", "Reed", "+12125550147"), consent_how="spoken",
                         by=Actor("staff", "Alice"), now=now)  # fmt: skip
    evening = now.add(days=1, hours=14)  # 11 pm there, the next day already in UTC
    book(clinic, evening, at(clinic, 2026, 11, 20, 14, 30), patient=added, by=Actor("staff", "Bob"))
    return added


def test_it_is_found_by_person_day_kind_and_patient(clinic, carol):
    assert ("Alice", "patient added", "Carol Reed") in whats(found(clinic))
    assert {line.who for line in found(clinic, who="ali")} == {"Alice"}
    assert [line.what for line in found(clinic, kind="patient")] == ["patient added"]
    assert {line.who for line in found(clinic, first=date(2026, 11, 3), last=date(2026, 11, 3))} == {"Bob"}
    assert not found(clinic, first=date(2026, 11, 4)) and not found(clinic, who="%")
    other = factories.a_patient(clinic, "Ann")
    factories.an_appointment(clinic, other)
    about_carol = found(clinic, subject=carol)
    assert {line.what for line in about_carol} == {"patient added", "appointment booked"}
    assert {line.about.words for line in about_carol} == {"Carol Reed"} and all(line.hash for line in about_carol)


def test_pages_go_on_where_the_last_one_ended(clinic, carol, monkeypatch):
    every = found(clinic)
    monkeypatch.setattr(audit_log, "PAGE", 1)
    first = found(clinic)
    assert [*first, *found(clinic, before=first[-1].number)] == every[:2]


def test_another_clinic_sees_nothing_of_it(clinic, carol, now):
    oak = factories.a_clinic("Oak Clinic")
    alice = factories.a_staff(clinic)
    reading.note(clinic_id=clinic.id, patient_id=carol, staff_id=alice.id, page="patients.show", now=now)
    visit = db.session.scalar(select(Appointment.public_id))
    for sought in ({}, {"kind": READS}, {"subject": carol}, {"subject": visit}):
        assert not found(oak, **sought)


def test_accounts_stand_in_the_clinics_of_whoever_they_belong_to(clinic, now):
    alice, oak = factories.a_staff(clinic), factories.a_clinic("Oak Clinic")
    boss = Actor("operator", "an operator")
    staff.set_password(staff=alice.public_id, password="a long and winding road 7", by=boss, now=now)
    assert ("an operator", "password set", "Alice") in whats(found(clinic, kind="access")) and not found(oak)
    with transaction() as session:
        session.add(StaffClinic(staff_id=alice.id, clinic_id=oak.id))
    assert "password set" in {line.what for line in found(oak, kind="access")}


def test_who_opened_whose_page_is_found_and_one_look_stands_once(clinic, carol, now):
    alice = factories.a_staff(clinic)
    for minutes in (0, 10, 20):
        reading.note(clinic_id=clinic.id, patient_id=carol, staff_id=alice.id, page="patients.show",
                     now=now.add(minutes=minutes))  # fmt: skip
    lines = found(clinic, kind=READS)
    assert whats(lines) == [("Alice", "opened patients show", "Carol Reed")] * 2
    assert lines[0].at == now.add(minutes=20) and not found(clinic, kind=READS, who="bob")
    assert len(found(clinic, kind=READS, subject=carol)) == 2 and not found(clinic, kind=READS, subject="nobody")
    assert not any("opened" in line.what for line in found(clinic))


def test_nobody_can_be_noted_to_have_read_another_clinics_patient(clinic, carol, now):
    oak = factories.a_clinic("Oak Clinic")
    bob = factories.a_staff(oak, "Bob")
    reading.note(clinic_id=oak.id, patient_id=carol, staff_id=bob.id, page="patients.show", now=now)
    assert not found(oak, kind=READS) and not found(clinic, kind=READS)
