"""Passkeys on their pages, answered by a device in software; the real browser's part is in tests/browser."""

import html
import re

import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Passkey
from tests import factories
from tests.authenticator import Authenticator
from tests.web.desk import errors, page, send, token

KEYS = "/account/passkeys"


@pytest.fixture
def device():
    return Authenticator()


def asked(text):
    """Read what a page asks the browser, and its sealed challenge."""
    form = text[text.index("data-passkey=") :]
    options = html.unescape(re.search(r'value="([^"]+)" data-passkey-options', form)[1])
    found = re.search(r'name="sealed"[^>]* value="([^"]+)"', form) or re.search(
        r'value="([^"]+)"[^>]*name="sealed"', form
    )
    return options, found[1]


def add(client, device, **changed):
    text = page(client, KEYS)
    options, sealed = asked(text)
    typed = {"sealed": sealed, "passkey_answer": device.create(options), "name": "Phone", "present": factories.PASSWORD}
    return client.post(KEYS, data={"csrf_token": token(text), **typed, **changed})


def sign_in(browser, device, address="/sign-in"):
    text = page(browser, address)
    options, sealed = asked(text)
    next_page = re.search(r'name="next" value="([^"]*)"', text[text.index("data-passkey=") :])[1]
    typed = {"sealed": sealed, "passkey_answer": device.get(options), "next": next_page}
    return browser.post("/sign-in/passkey", data={"csrf_token": token(text), **typed})


def test_a_passkey_is_added_on_the_account_and_signs_in(app, client, clinic, device):
    factories.sign_in_by_form(client, clinic)
    assert "Add a passkey" in page(client, "/account")
    assert add(client, device).location == KEYS
    assert "Your passkey is kept" in page(client, KEYS) and "Phone" in page(client, "/account")
    other = app.test_client()
    assert sign_in(other, device, "/sign-in?next=/patients").location == "/patients"
    assert other.get_cookie("device") and page(other, "/patients")


def test_nobody_is_offered_one_at_sign_in_while_nobody_has_one(client, clinic):
    factories.a_staff(clinic)
    assert "passkey" not in page(client, "/sign-in")


def test_what_does_not_fit_is_said_beside_its_field(client, clinic, device):
    factories.sign_in_by_form(client, clinic)
    assert errors(add(client, device, present="wrong").text) == ["This is not your password."]
    assert "The passkey was not taken" in errors(add(client, device, passkey_answer="{}").text)[0]
    assert errors(add(client, device, name="x" * 61).text) == ["This is too long."]
    assert db.session.scalar(select(Passkey)) is None


def test_whoever_has_a_second_factor_types_its_code_too(client, clinic, device, clock):
    shows = factories.a_second_factor(factories.sign_in(client, clinic))
    assert errors(add(client, device).text) == ["Type the code."]
    assert add(client, device, code=shows(clock.machine)).location == KEYS


def test_a_wrong_answer_leads_back_to_the_password(app, client, clinic, device):
    factories.sign_in_by_form(client, clinic)
    add(client, device)
    stranger = app.test_client()
    assert sign_in(stranger, Authenticator()).location == "/sign-in"
    assert "Your password still works" in page(stranger, "/sign-in") and stranger.get("/account").status_code == 302


def test_one_is_removed_with_the_password_and_without_javascript(app, client, clinic, device):
    factories.sign_in_by_form(client, clinic)
    add(client, device)
    remove = re.search(r'formaction="([^"]+/remove)"', page(client, KEYS))[1]
    assert send(client, remove, {"present": "wrong"}, opened=KEYS).status_code == 422
    assert send(client, remove, {"present": factories.PASSWORD}, opened=KEYS).location == KEYS
    assert "Phone" not in page(client, KEYS) and "passkey" not in page(app.test_client(), "/sign-in")


def test_on_a_live_site_a_passkey_leads_a_manager_to_the_second_factor_first(app, client, clinic, device, go_live):
    factories.sign_in(client, clinic, role="manager", name="Eve")
    add(client, device)
    go_live()
    assert sign_in(app.test_client(), device).location == "/account/second-factor"


def test_a_lost_phone_loses_its_passkeys_too(app, client, clinic, device):
    eve = factories.sign_in(client, clinic, name="Eve")
    add(client, device)
    boss = app.test_client()
    factories.sign_in(boss, clinic, role="administrator", name="Dana")
    where = f"/settings/staff/{eve.public_id}"
    assert send(boss, f"{where}/factor/off", {}, opened=where).status_code == 303
    assert db.session.scalar(select(Passkey)) is None and client.get("/account").status_code == 302
