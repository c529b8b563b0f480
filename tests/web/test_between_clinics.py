"""What one clinic could learn of another by asking its own pages cleverly: nothing."""

import base64
import re
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


@pytest.mark.parametrize("role", ["manager", "administrator"])
def test_nobody_is_told_whether_an_address_has_an_account_elsewhere(client, clinic, oak, role):
    factories.a_staff(oak, "Otto")
    factories.a_staff(clinic, "Alice")
    factories.sign_in(client, clinic, role=role, name="Mara")
    new = {"name": "O", "role": "reception", "clinics": clinic.public_id, "password": "violin lagoon stapler moss"}
    told = []
    for email in ("otto@elm.example", "nobody@elm.example"):
        answer = send(client, "/settings/staff/new", {**new, "email": email})
        listed = page(client, "/settings/staff")
        withdraw = re.search(r"/settings/staff/invitations/[\w-]{16}/withdraw", listed)[0]
        alike = re.sub(r'value="[^"]{60,}"', "", listed).replace(email, "").replace(withdraw, "")
        told.append((answer.status_code, answer.location, answer.get_data(), alike))
        assert send(client, withdraw, {}, opened="/settings/staff").status_code == 303
    assert told[0] == told[1] and "O is invited for 7 days" in told[0][3]
    known = send(client, "/settings/staff/new", {**new, "email": "alice@elm.example"})
    assert errors(known.text) == ["There is an account or an invitation with this e-mail address already."]


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
