"""The words for registering a sender, and the two pages that carriers and patients read without signing in."""

import re

import pytest

from reminder_site.actions.consent_wordings import add_wording
from reminder_site.domain.actor import OPERATOR
from reminder_site.queries import settings as shown
from tests import factories
from tests.web.desk import page


def test_the_kit_holds_the_clinics_own_words_and_every_field_fits(client, clinic, now):
    add_wording(clinic_id=clinic.id, body="May Elm text you about visits?", by=OPERATOR, now=now)
    factories.sign_in(client, clinic, role="manager")
    told = page(client, "/registration")
    assert "May Elm text you about visits?" in told and "http://localhost/privacy" in told
    assert told.count("Sample message") == 5 and "characters;" not in told
    help_text = shown.templates(clinic.id)["help_reply"].body.partition("{{")[0]
    assert clinic.text_name in told and help_text in told


def test_a_clinic_that_has_noted_no_wording_is_told(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    assert "has not noted yet what patients agree to" in page(client, "/registration")


@pytest.mark.parametrize("path", ["/privacy", "/terms"])
def test_anybody_may_read_how_texts_work_here_and_whom_to_phone(client, clinic, path):
    told = page(client, path)
    assert clinic.name in told and clinic.address in told and clinic.phone in told
    assert "Set-Cookie" not in client.get(path).headers


def test_what_carriers_ask_for_stands_there(client, clinic):
    privacy, terms = (re.sub(r"<[^>]+>", "", page(client, path)) for path in ("/privacy", "/terms"))
    assert "No mobile information is shared with third parties or affiliates for marketing" in privacy
    for words in (
        "Message frequency varies",
        "Message and data rates may apply",
        "STOP",
        "HELP",
        "Carriers are not liable",
    ):
        assert words in terms


@pytest.mark.parametrize("path", ["/privacy", "/terms"])
def test_before_the_site_is_set_up_there_is_nothing_to_say(app, client, path):
    assert client.get(path).status_code == 404
