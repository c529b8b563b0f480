"""The main job as one story in a real browser: set up, book, remind, answer, move, cancel, undo, and see the truth."""

from datetime import date, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
PASSWORD = "umbrella kettle sparrow"
PHONE = "(212) 555-0123"
E164 = "+12125550123"


def a_weekday(days_ahead):
    """A day so many days ahead or a little later that is neither at a weekend nor the day after Sunday."""
    day = date.today() + timedelta(days=days_ahead)  # noqa: DTZ011 - the story plays in the real present
    while day.weekday() not in {2, 3, 4}:
        day += timedelta(days=1)
    return day


def test_the_whole_story(live_site, page, picture):
    story = Story(live_site, page, picture)
    story.set_up()
    clicks = story.book()
    assert clicks <= 3
    story.remind()
    story.answer()
    story.move()
    story.cancel_undo_cancel()


class Story:
    """One receptionist's morning; each step leaves a picture."""

    def __init__(self, site, page, picture):
        self.site, self.page, self.picture = site, page, picture
        self.day, self.new_day = a_weekday(2), a_weekday(9)

    def set_up(self):
        page = self.page
        page.goto(self.site.url)
        fields = {
            "Your name": "Alice",
            "Your e-mail address": "alice@elm.example",
            "Your password": PASSWORD,
            "Name of the clinic": "Elm Clinic",
            "Name in texts": "Elm Clinic",
        }
        for label, value in fields.items():
            page.get_by_label(label, exact=True).fill(value)
        page.locator("#phone").fill("(212) 555-0100")
        page.locator("#place").fill("12 High St")
        page.locator("#country").select_option("US")
        page.locator("#time_zone").select_option("America/New_York")
        self.picture("01-set-up")
        page.get_by_role("button", name="Set up").click()
        page.wait_for_load_state()
        if page.locator("#password").count():
            page.get_by_label("E-mail address").fill("alice@elm.example")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Day list")).to_be_visible()
        self.picture("02-day-list-empty")

    def book(self):
        page = self.page
        page.goto(f"{self.site.url}/appointments/new")
        clicks = 0
        page.get_by_text("New patient", exact=True).click()
        clicks += 1
        page.locator("#first_name").fill("Carol")
        page.locator("#last_name").fill("Reed")
        page.locator("#phone").fill(PHONE)
        page.get_by_label("Yes, said so").check()
        clicks += 1
        page.locator("#day").fill(self.day.isoformat())
        page.locator("#time").fill("14:30")
        expect(page.locator("#preview .steps > li")).to_have_count(4)
        assert page.locator("#preview .why").count() >= 3
        self.picture("03-booking-preview")
        page.get_by_role("button", name="Save appointment").click()
        clicks += 1
        expect(page.get_by_role("heading", name="Carol Reed", exact=True)).to_be_visible()
        self.appointment = page.url
        self.picture("04-appointment")
        return clicks

    def remind(self):
        page = self.page
        wait_until(lambda: len(self.texts("scheduled")) >= 2, "the reminders are scheduled at Twilio")
        page.goto(self.site.phones)
        self.put_clock(datetime.combine(self.day - timedelta(days=1), datetime.min.time()).replace(hour=15, minute=5))
        wait_until(lambda: len(self.texts("delivered")) >= 2, "confirmation and reminder arrive")
        page.goto(f"{self.site.phones}/?number=%2B{E164[1:]}")
        expect(page.locator("#talk")).to_contain_text("Carol")
        self.picture("05-phone")

    def answer(self):
        page = self.page
        page.get_by_role("button", name="1", exact=True).click()
        page.goto(f"{self.site.url}/day/{self.day}")
        if page.locator("#password").count():
            self.sign_in()
            page.goto(f"{self.site.url}/day/{self.day}")
        row = page.get_by_role("row").filter(has_text="Carol Reed")
        expect(row).to_contain_text("confirmed", ignore_case=True)
        self.picture("06-day-list-confirmed")

    def sign_in(self):
        page = self.page
        page.get_by_label("E-mail address").fill("alice@elm.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    def move(self):
        page = self.page
        page.goto(self.appointment)
        page.get_by_role("link", name="Move").click()
        page.locator("#day").fill(self.new_day.isoformat())
        page.locator("#time").fill("10:00")
        page.get_by_label("Yes").first.check()
        expect(page.locator("#preview .steps > li").first).to_be_visible()
        self.picture("07-move")
        page.get_by_role("button", name="Save new time").click()
        expect(page.get_by_role("heading", name="Carol Reed", exact=True)).to_be_visible()
        wait_until(lambda: len(self.texts("scheduled")) >= 1, "the new reminders are at Twilio")
        self.picture("08-moved")

    def cancel_undo_cancel(self):
        page = self.page
        before = {m["sid"] for m in self.texts("scheduled")}
        for turn in (1, 2):
            page.goto(self.appointment)
            page.get_by_role("link", name="Cancel appointment").click()
            page.get_by_role("radio").first.check()
            page.locator("input[name=tell]").last.check()
            page.get_by_role("button", name="Cancel appointment").click()
            wait_until(lambda: not self.texts("scheduled"), "Twilio holds nothing any more")
            self.picture(f"09-cancelled-{turn}")
            if turn == 1:
                page.goto(self.appointment)
                page.get_by_role("button", name="Undo").first.click()
                wait_until(lambda: self.texts("scheduled"), "the reminders are back at Twilio")
                self.picture("10-undone")
        assert before <= {m["sid"] for m in self.texts("canceled")}
        page.goto(self.appointment)
        expect(page.locator("main")).to_contain_text("cancelled", ignore_case=True)
        self.picture("11-the-truth")

    def texts(self, status):
        return [m for m in self.site.held() if m["status"] == status and m["to"] == E164]

    def put_clock(self, utc):
        page = self.page
        page.locator("#at").fill(utc.strftime("%Y-%m-%dT%H:%M"))
        page.locator("form:has(#at)").get_by_role("button").click()
        page.wait_for_load_state()
