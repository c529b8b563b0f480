"""The workflows of the desk and of the patient in a real browser: how many clicks each takes; the keyboard alone; the
same without any JavaScript.
"""

import re
from datetime import datetime

import pytest
from playwright.sync_api import expect

from reminder_site.db import db
from reminder_site.models import Appointment
from tests import factories
from tests.browser.conftest import window
from tests.texting import link_to, text

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]
FRIDAY = ("2026-11-20", "14:30")
TUESDAY = ("2026-11-24", "09:00")


class Hand:
    """Clicks, and counts."""

    def __init__(self):
        self.clicks = 0

    def click(self, target):
        target.click()
        self.clicks += 1


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def clinic(served):
    return factories.a_clinic()


@pytest.fixture
def carol(clinic):
    return factories.a_patient(clinic, phone_e164="+12125550147")


@pytest.fixture
def desk(served, page, clinic, carol):
    """Alice at the day list."""
    served.sign_in(page, clinic)
    page.goto(served.url)
    return page


def kept():
    db.session.rollback()
    return db.session.query(Appointment).order_by(Appointment.id.desc()).populate_existing().first()


def type_time(page, when):
    page.locator("#day").fill(when[0])
    page.locator("#time").fill(when[1])


def test_an_existing_patient_is_booked_in_three_clicks_from_the_day_list(desk, hand):
    hand.click(desk.get_by_role("link", name="Book an appointment").first)
    desk.locator("#patient_id-typed").press_sequentially("ree")
    hand.click(desk.get_by_role("option", name="Carol Reed"))
    type_time(desk, FRIDAY)
    expect(desk.locator("#preview .steps > li")).to_have_count(4)
    hand.click(desk.get_by_role("button", name="Save appointment"))
    expect(desk.get_by_role("heading", name="Carol Reed", exact=True)).to_be_visible()
    assert (hand.clicks, kept().starts_local) == (3, datetime(2026, 11, 20, 14, 30))


def test_a_new_patient_is_booked_in_four_and_a_number_in_use_is_asked_about(desk, hand):
    hand.click(desk.get_by_role("link", name="Book an appointment").first)
    desk.locator("#patient_id-typed").press_sequentially("Dora")
    hand.click(desk.get_by_role("option", name="New patient “Dora”"))
    desk.locator("#last_name").fill("Reed")
    desk.locator("#phone").fill("212 555 0147")
    type_time(desk, FRIDAY)
    expect(desk.locator("#preview")).to_contain_text("Nothing leaves until you have chosen")
    expect(desk.locator("#preview")).to_contain_text("already belongs to Carol Reed. The same family?")
    hand.click(desk.get_by_label("Yes, said so"))
    expect(desk.locator("#preview")).not_to_contain_text("Nothing leaves until")
    hand.click(desk.get_by_role("button", name="Save appointment"))
    expect(desk.get_by_role("heading", name="Dora Reed", exact=True)).to_be_visible()
    assert hand.clicks == 4


def test_moving_takes_two_clicks_cancelling_two_and_undo_one(desk, served, clinic, carol, hand):
    factories.an_appointment(clinic, carol)
    desk.goto(f"{served.url}/day/2026-11-20")
    hand.click(desk.get_by_role("link", name="Move Carol Reed"))
    type_time(desk, TUESDAY)
    hand.click(desk.get_by_role("button", name="Save new time"))
    expect(desk.locator("#standing")).to_contain_text("Tuesday 24 November 2026, 9:00 am")
    assert hand.clicks == 2
    desk.goto(f"{served.url}/day/2026-11-24")
    hand.click(desk.get_by_role("link", name="Cancel Carol Reed"))
    hand.click(desk.get_by_role("button", name="Cancel appointment"))
    expect(desk.get_by_role("link", name="Book again")).to_be_visible()
    assert (hand.clicks, kept().state) == (4, "cancelled")
    hand.click(desk.get_by_role("button", name="Undo"))
    expect(desk.locator("main")).to_contain_text("Put back to Tuesday 24 November 2026, 9:00 am.")
    assert (hand.clicks, kept().state) == (5, "booked")


def test_a_free_text_shows_in_the_header_by_itself_and_is_answered_in_two_clicks(desk, served, clinic, carol, hand):
    factories.an_appointment(clinic, carol)
    text("can I come at four?", served.clock.now(), phone=carol.phone_e164)
    expect(desk.get_by_role("link", name=re.compile("Inbox.*1"))).to_be_visible(timeout=7000)
    hand.click(desk.get_by_role("link", name="Inbox"))
    expect(desk.locator("main")).to_contain_text("can I come at four?")
    desk.locator("textarea").fill("Yes, four is fine.")
    hand.click(desk.get_by_role("button", name="Reply and mark as handled"))
    expect(desk.locator("main")).to_contain_text("Nothing waits")
    assert hand.clicks == 2


def test_which_of_two_times_is_asked_beside_the_field_and_answered_in_one_click(desk, served, hand):
    desk.goto(f"{served.url}/appointments/new")
    type_time(desk, ("2027-11-07", "01:30"))
    expect(desk.locator("form #which-time input")).to_have_count(2)
    first, second = desk.locator("form #which-time input").all()
    hand.click(second)
    expect(desk.locator("#preview")).not_to_contain_text("happens twice")
    expect(second).to_be_checked()
    desk.locator("#time").fill("02:30")
    expect(desk.locator("form #which-time input")).to_have_count(0)


def test_the_keyboard_alone_books(desk, served):
    desk.goto(f"{served.url}/appointments/new")
    desk.keyboard.type("ree", delay=30)
    desk.get_by_role("option", name="Carol Reed").wait_for()
    for keys in ("Enter", "Tab", "Tab"):
        desk.keyboard.press(keys)
    desk.keyboard.type("11202026")
    while desk.evaluate("document.activeElement.id") != "time":
        desk.keyboard.press("Tab")
    desk.keyboard.type("0230PM")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Carol Reed", exact=True)).to_be_visible()
    assert kept().starts_local == datetime(2026, 11, 20, 14, 30)


def test_a_patient_cancels_in_two_taps_on_a_small_screen_without_javascript(served, browser, clinic, carol, hand):
    address = link_to(factories.an_appointment(clinic, carol), served.clock.now())
    with window(browser, java_script_enabled=False) as page:
        page.set_viewport_size({"width": 360, "height": 640})
        page.goto(served.url + address)
        served.clock.let_pass(2)
        hand.click(page.get_by_role("button", name="I can’t come"))
        expect(page.locator("h1")).to_be_focused()
        served.clock.let_pass(2)
        hand.click(page.get_by_role("button", name="Yes, cancel my appointment"))
        assert (hand.clicks, kept().state) == (2, "cancelled")
        expect(page).to_have_title("Your appointment is cancelled · Elm Clinic")
        served.clock.let_pass(2)
        page.get_by_role("button", name="Undo").click()
        assert kept().state == "booked"


def test_without_javascript_the_desk_books_moves_cancels_and_undoes(served, browser, clinic, carol):
    with window(browser, java_script_enabled=False) as page:
        served.sign_in_by_form(page, clinic)
        page.get_by_role("link", name="Book an appointment").first.click()
        page.locator("#patient_id-typed").fill("ree")
        page.get_by_role("button", name="Find").click()
        page.get_by_label("Carol Reed").check()
        type_time(page, FRIDAY)
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#preview .steps > li")).to_have_count(4)
        page.get_by_role("button", name="Save appointment").click()
        page.get_by_role("link", name="Move").click()
        type_time(page, TUESDAY)
        page.get_by_role("button", name="Save new time").click()
        expect(page.locator("#standing")).to_contain_text("Tuesday 24 November 2026")
        page.get_by_role("link", name="Cancel appointment").click()
        page.get_by_role("button", name="Cancel appointment").click()
        assert kept().state == "cancelled"
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("main")).to_contain_text("Put back to Tuesday 24 November 2026, 9:00 am.")


def test_letters_typed_before_the_script_came_are_searched_for_all_the_same(desk, served):
    held = []
    desk.route("**/patient-search.js", lambda route: held.append(route))
    desk.goto(f"{served.url}/appointments/new", wait_until="commit")
    desk.locator("#patient_id-typed").press_sequentially("ree")
    held[0].continue_()
    expect(desk.get_by_role("option", name="Carol Reed")).to_be_visible()
