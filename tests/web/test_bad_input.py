"""Whatever is typed badly: its words stand beside its field, tied to it for a screen reader; all that was typed is
still there; nothing has been written.

What is only asked about and not refused, and 515 naughty strings as names, is proved in test_booking: a number in use
(test_a_number_in_use_is_asked_about_and_does_not_block), a clinic without hours
(test_a_clinic_without_hours_can_book_and_says_so), names
(test_naughty_strings_as_names_are_kept_byte_for_byte_or_refused_in_words).
"""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from reminder_site.db import Base, db
from reminder_site.models import ReminderRule
from tests import factories

BOOK, ADD = "/appointments/new", "/patients/new"
CAROL = {"first_name": "Carol", "last_name": "Reed", "phone": "(212) 555-0147", "consent": "spoken"}
FRIDAY = {"day": "2026-11-20", "time": "14:30"}
SPRING = {"day": "2027-03-14", "time": "02:30"}

TYPED_BADLY = [
    ("an empty first name", "first_name", {"first_name": ""}, "Type the first name"),
    ("a name that is too long", "first_name", {"first_name": "x" * 81}, "at most 80"),
    ("a name that hides something", "last_name", {"last_name": "Re\u202eed"}, "hidden"),
    ("no word on texts", "consent", {"consent": ""}, "Choose one: no texts go out without it."),
    ("a landline", "phone", {"phone": "+44 20 7946 0000"}, "landline"),
    ("a premium number", "phone", {"phone": "+1 900 555 0147"}, "premium"),
    ("another country's without +", "phone", {"phone": "44 7911 123456"}, "write it with a +"),
    ("half a number", "phone", {"phone": "(212) 555-01"}, "too short"),
]
TIMED_BADLY = [
    ("no day", "day", {"day": ""}, "Choose a day."),
    ("no time", "time", {"time": ""}, "Choose a time."),
    ("an impossible date", "day", {"day": "2026-02-30"}, "no such day"),
    ("a past date", "day", {"day": "2026-11-01"}, "already passed"),
    ("a past hour", "time", {"day": "2026-11-02", "time": "08:59"}, "already passed"),
    ("a day too far", "day", {"day": "2206-11-20"}, "more than 3 years ahead"),
    ("an impossible time", "time", {"time": "25:00"}, "hours and minutes"),
    ("02:30 on the spring night", "time", SPRING, "does not exist"),
    ("01:30 on the autumn night", "time", {"day": "2027-11-07", "time": "01:30"}, "happens twice"),
]
NEVER = [
    ("a rule after the appointment", "days", {"days": "-1"}, "from 0 to 60"),
    ("a rule in the evening of the day itself", "days", {"days": "0", "at": "21:00"}, "This would never send"),
    ("a rule without its hour", "at", {"at": ""}, "choose the time of day"),
]


def named(cases):
    return pytest.mark.parametrize(("field", "typed", "words"), [case[1:] for case in cases], ids=[c[0] for c in cases])


@pytest.fixture
def desk(client, clinic):
    """A manager at the desk: reception's pages and the rules."""
    factories.sign_in(client, clinic, role="manager")
    return client


def written():
    """Everything that is kept."""
    db.session.rollback()
    return {name: db.session.execute(select(table)).all() for name, table in Base.metadata.tables.items()}


def as_opened(client, url):
    """Read a page's main form as a browser would send it."""
    form = BeautifulSoup(client.get(url).text, "html.parser").select_one("main form[method=post]:has(input, select)")
    filled = {field["name"]: field.get("value", "") for field in form.select("input[name]:not([type=radio])")}
    for choice in form.select("select"):
        filled[choice["name"]] = (choice.select_one("[selected]") or choice.select_one("option"))["value"]
    return filled | {ticked["name"]: ticked["value"] for ticked in form.select("input[type=radio][checked]")}


def refused(client, url, field, typed, words):
    """Send a form with something bad in it, and look at how it is refused."""
    form, before = as_opened(client, url) | typed, written()
    answer = client.post(url, data=form)
    assert answer.status_code == 422
    assert written() == before, "something was written"
    page = BeautifulSoup(answer.text, "html.parser")
    said = page.find(id=f"{field}-error")
    assert said is not None and words in said.text, page.select(".error")
    told = page.select(f"[aria-describedby~='{field}-error']")
    assert [each.get("id") for each in told] == [field], "the words are not tied to their field"
    assert page.select_one(f".summary a[href^='#{field}']"), "the list above does not lead to the field"
    for name, value in typed.items():
        kept = page.select_one(f"input[name={name}]:not([type=radio])")
        assert kept is None or kept.get("value", "") == value.replace("\u202e", ""), f"{name} was lost"
    return page


@named(TYPED_BADLY + TIMED_BADLY)
def test_booking_refuses_beside_the_field_keeps_what_was_typed_and_writes_nothing(desk, field, typed, words):
    refused(desk, BOOK, field, CAROL | FRIDAY | typed, words)


@named(TYPED_BADLY)
def test_so_does_the_page_for_a_new_patient(desk, field, typed, words):
    refused(desk, ADD, field, CAROL | typed, words)


@named(TIMED_BADLY)
def test_so_does_moving(desk, clinic, field, typed, words):
    made = factories.an_appointment(clinic, factories.a_patient(clinic))
    refused(desk, f"/appointments/{made.public_id}/move", field, FRIDAY | typed, words)


@named(NEVER)
def test_so_does_a_rule_that_would_never_fire(desk, clinic, field, typed, words):
    three_days = select(ReminderRule.public_id).where(ReminderRule.key == "3_days")
    refused(desk, f"/settings/rules/{db.session.scalar(three_days)}", field, typed, words)


def test_the_spring_night_offers_both_ways_out_in_words(desk):
    page = refused(desk, BOOK, "time", CAROL | SPRING, "does not exist")
    choices = page.select("#which-time input[type=radio]")
    assert [each["value"] for each in choices] == ["earlier", "later"]
    assert all(each.find_next("label").text.strip() for each in choices)


def test_an_empty_form_names_every_field_that_is_missing(desk):
    page = refused(desk, BOOK, "day", {"day": "", "time": ""}, "Choose a day.")
    named = [link.text.partition(":")[0] for link in page.select(".summary a")]
    assert named == ["Patient", "Day", "Time"], "not in the order of the page"
    assert page.find(id="patient_id-error").text.strip().endswith("Choose a patient, or enter a new one below.")
    assert page.select_one("#patient_id-typed")["aria-describedby"] == "patient_id-hint patient_id-error"
