"""The pages around signing in, as they look while somebody guesses passwords and while a live site is set up."""

from dataclasses import replace

import pytest

from reminder_site.actions.accounts import open_session
from reminder_site.db import transaction
from reminder_site.domain import sign_in_limits as limits
from reminder_site.models import SignInTry
from reminder_site.queries.sign_in_tries import keyed
from tests import factories
from tests.browser.test_pages import inspector

__all__ = ["inspector"]


def wrong_passwords(email, now):
    with transaction() as session:
        session.add_all(
            SignInTry(account_hash=keyed(email), address_hash="", tried_at=now, succeeded=False)
            for _ in range(limits.MOST_IN_A_ROW)
        )


@pytest.fixture
def live(served):
    before = served.app.extensions["settings"]
    served.app.extensions["settings"] = replace(before, twilio_account_sid="AC" + "0b" * 16, twilio_base_url="")
    yield
    served.app.extensions["settings"] = before


def test_the_first_page_of_a_live_site(served, inspector, page, live):
    inspector.open("/set-up")
    assert page.get_by_label("Code of this machine").is_visible()


def test_what_is_said_while_somebody_guesses(served, inspector, page):
    clinic = factories.a_clinic()
    bob = factories.a_staff(clinic, "Bob")
    wrong_passwords(bob.email, served.clock.machine_now())
    page.goto(f"{served.url}/sign-in")
    page.get_by_label("E-mail address").fill(bob.email)
    page.get_by_label("Password").fill(factories.PASSWORD)
    inspector.press("Sign in", "needs a link")
    served.sign_in(page, clinic, "administrator")
    inspector.open("/settings/staff")
    inspector.open(f"/settings/staff/{bob.public_id}")
    inspector.press("Make a link", "the link")
    link = page.locator("main code").inner_text()
    page.context.clear_cookies()
    inspector.open(link.removeprefix("http://localhost"))
    inspector.press("Go on to sign in", "known now")


def test_where_one_is_signed_in(served, inspector, page):
    clinic = factories.a_clinic()
    alice = served.sign_in(page, clinic)
    with transaction() as session:
        open_session(session, alice.id, None, served.clock.machine_now())
    inspector.open("/account")
    inspector.press("Sign out there", "signed out there")
    assert "Another browser" not in page.locator("main").inner_text()
