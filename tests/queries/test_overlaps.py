"""What is taken, and when somebody is free: at one clinic, of booked appointments, to the minute."""

from datetime import datetime

import pytest

from reminder_site.actions import appointments
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Clinician
from reminder_site.queries import overlaps
from tests import factories

NINE = datetime(2026, 11, 20, 9, 0)


@pytest.fixture
def lee(clinic, oak):
    """Dr Lee of Elm Clinic; another of that name works at Oak Clinic."""
    both = [Clinician(clinic_id=place.id, name="Dr Lee") for place in (clinic, oak)]
    factories._keep(*both)
    return both[0]


@pytest.fixture
def visit(clinic, lee):
    """A booked half hour with Dr Lee, from 9 to 9:30."""
    return factories.an_appointment(clinic, factories.a_patient(clinic), NINE, clinician_id=lee.id)


def taken(clinic, lee, at, minutes=30, **more):
    found = overlaps.of_clinician(clinic_id=clinic.id, clinician_id=lee.public_id, at=at, minutes=minutes, **more)
    return [each.id for each in found]


@pytest.mark.parametrize(("minutes_later", "overlap"), [(-31, 0), (-30, 0), (-29, 1), (29, 1), (30, 0), (31, 0)])
def test_appointments_that_touch_do_not_overlap(clinic, lee, visit, minutes_later, overlap):
    assert len(taken(clinic, lee, visit.starts_at.add(minutes=minutes_later))) == overlap


def test_neither_a_cancelled_appointment_nor_that_itself_is_in_the_way(clinic, lee, visit, now):
    assert taken(clinic, lee, visit.starts_at, but_not=visit.public_id) == []
    cancelled = {"appointment_id": visit.public_id, "version": 1, "reason": "", "tell": appointments.Tell(False)}
    appointments.cancel(clinic_id=clinic.id, **cancelled, by=OPERATOR, now=now)
    assert taken(clinic, lee, visit.starts_at) == []


def test_what_a_patient_has_at_one_clinic_is_not_told_at_another(clinic, oak):
    carol = factories.a_patient(clinic)
    at = factories.an_appointment(clinic, carol, NINE).starts_at

    def taken_at(place):
        return len(overlaps.of_patient(clinic_id=place.id, patient_id=carol.public_id, at=at, minutes=30))

    assert (taken_at(clinic), taken_at(oak)) == (1, 0)


def test_a_long_appointment_of_the_morning_is_in_the_way_all_day(clinic, lee):
    long = {"clinician_id": lee.id, "duration_minutes": 12 * 60 - 1}
    begun = factories.an_appointment(clinic, factories.a_patient(clinic), NINE, **long)
    assert len(taken(clinic, lee, begun.starts_at.add(hours=12, minutes=-2))) == 1


def test_free_is_the_end_of_one_appointment_where_the_next_leaves_room(clinic, lee, visit):
    factories.an_appointment(clinic, factories.a_patient(clinic), NINE.replace(hour=10), clinician_id=lee.id)
    asked = {"clinic_id": clinic.id, "clinician_id": lee.public_id, "at": visit.starts_at}
    half_past, after_both = visit.starts_at.add(minutes=30), visit.starts_at.add(minutes=90)
    assert overlaps.next_free(**asked, minutes=30) == [half_past, after_both]
    assert overlaps.next_free(**asked, minutes=31) == [after_both]
