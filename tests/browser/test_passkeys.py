"""Passkeys in a real browser, with the device that chromium pretends to have (CDP's WebAuthn domain)."""

from dataclasses import replace

import pytest

from tests import factories

pytestmark = pytest.mark.browser


@pytest.fixture
def at_localhost(served):
    """The site at a name that browsers make passkeys for."""
    before = served.app.extensions["settings"]
    served.url = served.url.replace("127.0.0.1", "localhost")
    served.app.extensions["settings"] = replace(before, public_base_url=served.url)
    yield served
    served.app.extensions["settings"] = before


def a_device(page, **changed):
    """Have the browser pretend to be a device with a passkey store and somebody's finger."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options | changed})


def add(page, url):
    page.goto(f"{url}/account/passkeys")
    page.locator("#present").fill(factories.PASSWORD)
    page.locator("#name").fill("This computer")
    page.get_by_role("button", name="Add a passkey").click()


def test_a_passkey_is_made_and_signs_in(at_localhost, page):
    a_device(page)
    clinic = factories.a_clinic()
    at_localhost.sign_in(page, clinic)
    add(page, at_localhost.url)
    page.get_by_text("Your passkey is kept.").wait_for()
    page.goto(f"{at_localhost.url}/account")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{at_localhost.url}/")
    assert page.get_by_role("link", name="Alice").is_visible()
    add(page, at_localhost.url)
    page.get_by_text("This device has a passkey for your account already.").wait_for()


def test_a_device_that_does_not_know_who_holds_it_makes_none(at_localhost, page):
    a_device(page, isUserVerified=False)
    at_localhost.sign_in(page, factories.a_clinic())
    add(page, at_localhost.url)
    page.get_by_text("No passkey was used.").wait_for()


def test_without_javascript_the_button_is_not_there(at_localhost, browser):
    page = browser.new_context(java_script_enabled=False).new_page()
    at_localhost.sign_in(page, factories.a_clinic())
    page.goto(f"{at_localhost.url}/account/passkeys")
    assert not page.get_by_role("button", name="Add a passkey").is_visible()
    assert page.get_by_text("needs JavaScript").is_visible()
    page.context.close()
