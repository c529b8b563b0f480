"""The security log: what somebody who guards the site wants to see, without a word about patients."""

import pytest

from tests import factories
from tests.web.desk import send

LOG = "reminder_site.security"


@pytest.fixture
def said(caplog):
    return lambda: [record.getMessage() for record in caplog.records if record.name == LOG]


def test_a_webhook_that_twilio_has_not_signed_is_noted(client, said):
    assert client.post("/webhooks/twilio/inbound", data={"Body": "secret words"}).status_code == 403
    assert said() == ["a webhook that Twilio had not signed was refused, from 127.0.0.1"]


def test_a_form_without_a_good_token_is_noted(client, clinic, said):
    factories.sign_in(client, clinic)
    assert client.post("/patients/new", data={"first_name": "Carol"}).status_code == 400
    assert said() == ["a form without a good token was refused at patients.new, from 127.0.0.1"]


def test_a_page_beyond_ones_role_is_noted(client, clinic, said):
    alice = factories.sign_in(client, clinic)
    assert client.get("/settings/staff").status_code == 403
    assert said() == [f"{alice.public_id} (reception) may not open staff.everyone"]


def test_a_changed_role_is_noted(client, clinic, said):
    bob = factories.a_staff(clinic, "Bob")
    factories.sign_in(client, clinic, role="administrator")
    where = f"/settings/staff/{bob.public_id}"
    form = {"name": "Bob", "role": "manager", "clinics": clinic.public_id, "version": "1"}
    assert send(client, where, form).status_code == 303
    assert said() == [f"the role of {bob.public_id} becomes manager (it was reception), by staff"]
