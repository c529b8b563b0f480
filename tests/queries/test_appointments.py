"""Lists of appointments hold one clinic's own, of the days that were asked for, and only standing ones where said."""

from datetime import date, datetime

import pytest
from sqlalchemy import select

from reminder_site.db import transaction
from reminder_site.models import Appointment, AppointmentType, Clinician, Reminder
from reminder_site.queries import appointments
from tests import factories

ZONE = "America/New_York"
FRIDAY = date(2026, 11, 20)


@pytest.fixture
def carol(clinic):
    return factories.a_patient(clinic)


def test_an_appointment_at_midnight_belongs_to_the_day_that_begins(clinic, carol):
    factories.an_appointment(clinic, carol, datetime(2026, 11, 21, 0, 0), planned=False)
    same = {"clinic_id": clinic.id, "zone": ZONE}
    assert appointments.days(**same, first=FRIDAY, last=FRIDAY) == []
    saturday = date(2026, 11, 21)
    assert len(appointments.days(**same, first=saturday, last=saturday)) == 1


def test_the_next_day_with_appointments_is_looked_for_at_ones_own_clinic(clinic, oak, carol):
    factories.an_appointment(oak, factories.a_patient(oak), datetime(2026, 11, 18, 9, 0), planned=False)
    asked = {"clinic_id": clinic.id, "zone": ZONE, "first": date(2026, 11, 2)}
    assert appointments.next_day(**asked) is None
    factories.an_appointment(clinic, carol, planned=False)
    assert appointments.next_day(**asked) == (FRIDAY, 1)


def test_a_patients_standing_appointments_leave_out_cancelled_ones(clinic, carol, now):
    standing = factories.an_appointment(clinic, carol, planned=False)
    factories.an_appointment(clinic, carol, datetime(2026, 11, 20, 16, 0), state="cancelled", planned=False)
    wanted = {"patient_id": carol.public_id, "first": now, "last": now.add(days=30)}
    assert [line.key for line in appointments.of_patient(clinic_id=clinic.id, **wanted)] == [standing.id]


def test_appointments_of_one_clinic_are_read_at_that_clinic_alone(clinic, oak, carol, now):
    mine = factories.an_appointment(clinic, carol)
    theirs = factories.an_appointment(oak, factories.a_patient(oak))
    friday = {"zone": ZONE, "first": FRIDAY, "last": FRIDAY}
    assert [line.key for line in appointments.days(clinic_id=clinic.id, **friday)] == [mine.id]
    assert appointments.get(clinic_id=clinic.id, public_id=mine.public_id).key == mine.id
    assert appointments.get(clinic_id=clinic.id, public_id=theirs.public_id) is None
    ahead = {"patient_id": carol.public_id, "first": now, "last": now.add(days=30)}
    assert appointments.of_patient(clinic_id=oak.id, **ahead) == []


def test_a_patients_appointments_are_those_between_two_moments(clinic, carol):
    visit = factories.an_appointment(clinic, carol, planned=False)
    factories.an_appointment(clinic, factories.a_patient(clinic, "Tim"), planned=False)
    asked = {"clinic_id": clinic.id, "patient_id": carol.public_id}
    for first, last, found in ((0, 0, 1), (1, 9, 0), (-9, -1, 0), (-1, 1, 1)):
        moments = {"first": visit.starts_at.add(seconds=first), "last": visit.starts_at.add(seconds=last)}
        assert len(appointments.of_patient(**asked, **moments)) == found


def test_a_line_tells_the_texts_of_its_present_plan_alone(clinic, carol, now):
    visit = factories.an_appointment(clinic, carol)
    with transaction() as session:
        session.get_one(Appointment, visit.id).round = 2
        for reminder in session.scalars(select(Reminder).where(Reminder.step_key != "3_days")):
            reminder.round = 2
            reminder.wanted = reminder.step_key != "2_hours"
    (line,) = appointments.days(clinic_id=clinic.id, zone=ZONE, first=FRIDAY, last=FRIDAY)
    assert [text.name for text in line.texts] == ["Confirmation", "1 day before"]


def test_the_next_day_counts_its_standing_appointments(clinic, carol):
    for hour, state in ((9, "booked"), (10, "booked"), (11, "cancelled")):
        factories.an_appointment(clinic, carol, datetime(2026, 11, 20, hour), state=state, planned=False)
    factories.an_appointment(clinic, carol, datetime(2026, 11, 19, 9), state="cancelled", planned=False)
    factories.an_appointment(clinic, carol, datetime(2026, 11, 21, 9), planned=False)
    assert appointments.next_day(clinic_id=clinic.id, zone=ZONE, first=date(2026, 11, 2)) == (FRIDAY, 2)
    assert appointments.next_day(clinic_id=clinic.id, zone=ZONE, first=FRIDAY) == (FRIDAY, 2)


def test_people_and_kinds_that_are_switched_off_cannot_be_chosen(clinic):
    mine = {"clinic_id": clinic.id}
    factories._keep(*(Clinician(**mine, name=f"Dr {on}", active=on) for on in (True, False)))
    factories._keep(*(AppointmentType(**mine, name=f"{on}", duration_minutes=30, active=on) for on in (True, False)))
    assert [choice.name for choice in appointments.clinicians(clinic_id=clinic.id)] == ["Dr True"]
    assert [choice.name for choice in appointments.kinds(clinic_id=clinic.id)] == ["True"]


def test_an_appointment_at_the_first_moment_of_a_day_is_on_that_day(clinic, carol):
    factories.an_appointment(clinic, carol, datetime(2026, 11, 20, 0, 0), planned=False)
    friday = {"clinic_id": clinic.id, "zone": ZONE, "first": FRIDAY}
    assert appointments.next_day(**friday) == (FRIDAY, 1)
    assert len(appointments.days(**friday, last=FRIDAY)) == 1
