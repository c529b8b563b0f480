"""Lists of appointments hold one clinic's own, of the days that were asked for, and only standing ones where said."""

from datetime import date, datetime

import pytest

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
