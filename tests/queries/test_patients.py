"""Patients are found at their own clinic, by their number too."""

from reminder_site.queries import patients
from tests import factories
from tests.texting import PHONE


def test_who_has_this_number_at_another_clinic_is_not_told(clinic, oak):
    factories.a_patient(oak, "Secret", phone_e164=PHONE)
    assert patients.with_phone(clinic_id=clinic.id, e164=PHONE) == []
    factories.a_patient(clinic, "Carol", phone_e164=PHONE)
    assert [line.first_name for line in patients.with_phone(clinic_id=clinic.id, e164=PHONE)] == ["Carol"]
