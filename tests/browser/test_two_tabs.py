"""Two tabs of one browser, two clinics: an open page never renews itself with another clinic's patients."""

from datetime import datetime

import pytest
from playwright.sync_api import expect

from reminder_site.db import transaction
from reminder_site.models import Staff, StaffClinic
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]
TODAY = datetime(2026, 11, 2, 11, 0)


@pytest.fixture
def elm(served, page):
    """Alice at Elm's day list, who works for Oak too."""
    elm, oak = factories.a_clinic(), factories.a_clinic("Oak Clinic")
    factories.an_appointment(elm, factories.a_patient(elm, "Carol", "Reed"), TODAY)
    factories.an_appointment(oak, factories.a_patient(oak, "Omar", "Oakes"), TODAY)
    served.sign_in(page, elm)
    with transaction() as session:
        session.add(StaffClinic(staff_id=session.query(Staff.id).scalar(), clinic_id=oak.id))
    page.clock.install()
    page.goto(served.url)
    return page


def open_oak(tab, url):
    tab.goto(url)
    tab.get_by_text("Elm Clinic change clinic").click()
    tab.get_by_role("button", name="Oak Clinic").click()
    expect(tab.get_by_role("link", name="Omar Oakes", exact=True)).to_be_visible()


def test_an_open_day_list_stands_still_and_offers_to_load_anew(elm, served, page):
    open_oak(page.context.new_page(), served.url)
    expect(page.locator("#other-clinic")).to_be_hidden()
    page.clock.run_for(20_000)
    expect(page.locator("#other-clinic")).to_be_visible()
    expect(page.get_by_role("link", name="Carol Reed", exact=True)).to_be_visible()
    assert "Omar" not in page.content()
    page.get_by_role("link", name="Load it anew").click()
    expect(page.get_by_role("link", name="Omar Oakes", exact=True)).to_be_visible()


def test_what_was_typed_for_one_clinic_comes_back_there_in_one_click(elm, served, page):
    page.goto(f"{served.url}/patients/new")
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("No, or not asked").check()
    open_oak(page.context.new_page(), served.url)
    page.get_by_role("button", name="Save patient").click()
    page.get_by_role("button", name="Open Elm Clinic and show it again").click()
    expect(page.get_by_label("First name")).to_have_value("Zoë")
    expect(page.get_by_text("Nothing of it is saved yet")).to_be_visible()
