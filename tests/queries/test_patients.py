"""Patients are found at their own clinic, by their number too."""

import pytest

from reminder_site.actions import consent_wordings
from reminder_site.domain.actor import OPERATOR
from reminder_site.queries import patients
from tests import factories
from tests.texting import PHONE


def test_who_has_this_number_at_another_clinic_is_not_told(clinic, oak):
    factories.a_patient(oak, "Secret", phone_e164=PHONE)
    assert patients.with_phone(clinic_id=clinic.id, e164=PHONE) == []
    factories.a_patient(clinic, "Carol", phone_e164=PHONE)
    assert [line.first_name for line in patients.with_phone(clinic_id=clinic.id, e164=PHONE)] == ["Carol"]


@pytest.fixture
def people(clinic, oak):
    """Patients of Elm Clinic, and one with a name like theirs at Oak Clinic."""
    names = [("Carol", "Reed"), ("Ann", "Reedman"), ("Tim", "Lee"), ("Joan", "Breed")]
    made = [factories.a_patient(clinic, *name, phone_e164=f"+1212555010{n}") for n, name in enumerate(names)]
    factories.a_patient(oak, "Otto", "Reed", phone_e164="+12125550100")
    return made


def names(lines):
    return [line.name for line in lines]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["Joan Breed", "Tim Lee", "Carol Reed", "Ann Reedman"]),
        ("reed", ["Carol Reed", "Ann Reedman"]),
        ("eed", ["Joan Breed", "Carol Reed", "Ann Reedman"]),
        ("0100", ["Carol Reed"]),
        ("?", []),
        ("nobody", []),
    ],
)
def test_patients_are_found_by_the_beginning_of_a_name_then_inside_it_or_by_their_number(clinic, people, typed, found):
    assert names(patients.search(clinic_id=clinic.id, typed=typed)) == found


@pytest.mark.parametrize(
    ("typed", "limit", "suggested"),
    [
        ("reed", 5, ["Carol Reed", "Ann Reedman", "Joan Breed"]),
        ("reed", 2, ["Carol Reed", "Ann Reedman"]),
        ("0100", 5, ["Carol Reed"]),
    ],
)
def test_names_that_begin_so_are_suggested_before_names_that_hold_it(clinic, people, typed, limit, suggested):
    assert names(patients.suggest(clinic_id=clinic.id, typed=typed, limit=limit)) == suggested


def test_a_list_goes_on_behind_the_patient_that_ended_the_page(clinic, people):
    first = patients.search(clinic_id=clinic.id, typed="", limit=2)
    rest = patients.search(clinic_id=clinic.id, typed="", limit=9, after=first[-1].id)
    assert names(first + rest) == ["Joan Breed", "Tim Lee", "Carol Reed", "Ann Reedman"]


def test_a_patient_is_read_at_their_own_clinic_alone(clinic, oak, people):
    carol = people[0].public_id
    assert patients.get(clinic_id=clinic.id, public_id=carol).name == "Carol Reed"
    assert patients.get(clinic_id=oak.id, public_id=carol) is None


def test_visits_are_one_patients_at_one_clinic(clinic, oak, people):
    visits = [factories.an_appointment(clinic, person, planned=False) for person in people[:2]]
    carol = people[0]
    assert [visit.id for visit in patients.visits(clinic_id=clinic.id, key=carol.id)] == [visits[0].public_id]
    assert patients.visits(clinic_id=oak.id, key=carol.id) == []


def test_who_else_has_a_number_leaves_out_who_is_asked_about_and_needs_a_number(clinic, people):
    twin = factories.a_patient(clinic, "Twin", "Reed", phone_e164=people[0].phone_e164)
    asked = {"clinic_id": clinic.id, "e164": people[0].phone_e164}
    assert names(patients.with_phone(**asked, but_not=people[0].public_id)) == ["Twin Reed"]
    factories.a_patient(clinic, "Phoneless", phone_e164="")
    assert patients.with_phone(clinic_id=clinic.id, e164="", but_not=twin.public_id) == []


def test_a_patient_is_shown_with_the_words_she_agreed_to_at_her_clinic(clinic, oak, now):
    for place, bodies in ((oak, "AB"), (clinic, "CD")):
        for body in bodies:
            consent_wordings.add_wording(clinic_id=place.id, body=body, by=OPERATOR, now=now)
    agreed = [factories.a_patient(clinic, consent_wording=version) for version in (1, 2, None)]
    shown = [patients.get(clinic_id=clinic.id, public_id=each.public_id) for each in agreed]
    assert [each.consent_words for each in shown] == ["C", "D", None]
