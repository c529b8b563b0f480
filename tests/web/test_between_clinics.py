"""What one clinic could learn of another by asking its own pages cleverly: nothing."""

import base64
import zlib

import pytest

from reminder_site.db import transaction
from reminder_site.models import OptOut
from reminder_site.queries import patients
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.web.desk import errors, page, send


@pytest.fixture
def oak():
    return factories.a_clinic("Oak Clinic")


def test_a_search_goes_on_after_nobody_elses_patient(clinic, oak):
    ours = [factories.a_patient(clinic, "Ann", name).public_id for name in ("Abel", "Zorn")]
    theirs = factories.a_patient(oak, "Ann", "Miller").public_id
    found = patients.search(clinic_id=clinic.id, typed="ann", after=theirs)
    assert [line.id for line in found] == ours
    assert [line.id for line in patients.search(clinic_id=clinic.id, typed="ann", after=ours[0])] == ours[1:]


@pytest.mark.parametrize(("days", "told"), [(-3, False), (3, True)])
def test_an_opt_out_from_before_the_clinic_knew_the_number_is_shown_without_its_story(client, clinic, days, told):
    patient = factories.a_patient(clinic, now=factories.MONDAY)
    with transaction() as session:
        at = factories.MONDAY.add(days=days)
        of = {"e164": patient.phone_e164, "sender": MESSAGING_SERVICE_SID, "source": "text", "word": "BASTA"}
        session.add(OptOut(**of, started_at=at))
    factories.sign_in(client, clinic)
    html = page(client, f"/patients/{patient.public_id}")
    assert "Opted out of texts" in html and "Only the patient can end this" in html
    assert ("BASTA" in html) is told and ("Opted out of texts since" in html) is told


def test_a_manager_is_not_told_whose_an_address_is_elsewhere(client, clinic, oak):
    factories.a_staff(oak, "Otto")
    factories.a_staff(clinic, "Alice")
    factories.sign_in(client, clinic, role="manager", name="Mara")
    new = {"name": "O", "role": "reception", "clinics": clinic.public_id, "password": "violin lagoon stapler moss"}
    said = {}
    for email in ("otto@elm.example", "alice@elm.example"):
        answer = send(client, "/settings/staff/new", {**new, "email": email})
        said[email] = errors(answer.get_data(as_text=True))
    assert said["otto@elm.example"] == ["This address cannot be given an account here. Please ask an administrator."]
    assert said["alice@elm.example"] == ["There is an account with this e-mail address already."]


def test_no_name_of_a_patient_waits_in_a_cookie(client, clinic):
    factories.a_patient(clinic, "Carola", "Quist", phone_e164="+12125550142")
    factories.sign_in(client, clinic)
    new = {"first_name": "Tim", "last_name": "Quist", "phone": "(212) 555-0142", "consent": "spoken"}
    answer = send(client, "/patients/new", new)
    value = client.get_cookie("session").value
    raw = base64.urlsafe_b64decode(value.lstrip(".").split(".")[0] + "===")
    said = (zlib.decompress(raw) if value.startswith(".") else raw).decode()
    assert "same number" in said and "Quist" not in said and "Carola" not in said
    assert "This number already belongs to Carola Quist. The same family?" in page(client, answer.location)
