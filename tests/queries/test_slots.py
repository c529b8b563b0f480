"""A clinician's time is taken when another standing appointment of theirs falls into it."""

from datetime import datetime

import pytest

from reminder_site.models import Clinician
from reminder_site.queries.slots import is_taken
from tests import factories


@pytest.fixture
def with_clinician(clinic):
    """Book somebody with a clinician, by name; Friday 20 November, 2:30 pm, for 30 minutes, unless said otherwise."""
    people = {name: Clinician(clinic_id=clinic.id, name=name) for name in ("Dr Lee", "Dr Ash")}
    factories._keep(*people.values())

    def book(name, starts=datetime(2026, 11, 20, 14, 30), **columns):
        patient = factories.a_patient(clinic)
        return factories.an_appointment(clinic, patient, starts, clinician_id=people[name].id, planned=False, **columns)

    return book


def test_a_time_is_taken_by_another_standing_appointment_with_the_same_clinician(with_clinician):
    mine = with_clinician("Dr Lee")
    assert not is_taken(mine)
    with_clinician("Dr Lee", datetime(2026, 11, 20, 14, 45))
    assert is_taken(mine)


def test_a_time_is_not_taken_by_a_cancelled_appointment(with_clinician):
    mine = with_clinician("Dr Lee")
    with_clinician("Dr Lee", state="cancelled")
    assert not is_taken(mine)


def test_a_time_is_not_taken_by_an_appointment_with_another_clinician(with_clinician):
    mine = with_clinician("Dr Lee")
    with_clinician("Dr Ash")
    assert not is_taken(mine)


def test_a_time_is_not_taken_by_an_appointment_that_ends_as_it_begins_or_begins_as_it_ends(with_clinician):
    mine = with_clinician("Dr Lee")
    with_clinician("Dr Lee", datetime(2026, 11, 20, 14, 0), duration_minutes=30)
    with_clinician("Dr Lee", datetime(2026, 11, 20, 15, 0))
    assert not is_taken(mine)


def test_a_time_without_a_clinician_is_never_taken(clinic):
    visits = [factories.an_appointment(clinic, factories.a_patient(clinic), planned=False) for _ in range(2)]
    assert [is_taken(visit) for visit in visits] == [False, False]
