"""A text by hand at the desk: seen before it leaves, asked about when it had better not leave so, never lost."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select, update

from reminder_site.db import db, transaction
from reminder_site.models import Message, Patient, Reminder
from tests.factories import a_patient, an_appointment, sign_in
from tests.texting import PHONE
from tests.web.test_patients import post, wrong

NIGHT = {"hour": 3, "minute": 0}
HIV = "Your HIV test results are in"


@pytest.fixture
def carol(clinic):
    return a_patient(clinic, phone_e164=PHONE)


@pytest.fixture
def desk(client, clinic, carol):
    sign_in(client, clinic)
    return client


def at_night(clock):
    """Three at night in New York, on a Tuesday."""
    clock.set(clock.now().in_timezone("America/New_York").add(days=1).set(**NIGHT))


def sent():
    db.session.rollback()
    return db.session.scalars(select(Message).where(Message.kind == "staff")).all()


def press(desk, page, answer, words, **typed):
    """Press one of the buttons of the form that came back."""
    form = BeautifulSoup(answer.text, "html.parser").select_one("form[data-preview-url]")
    fields = {field["name"]: field.get("value", "") for field in form.select("input")}
    fields["body"] = form.textarea.get_text().removeprefix("\n").removeprefix("\r\n")
    button = next(one for one in form.select("button") if words in one.get_text())
    named = {button["name"]: button["value"]} if button.get("name") else {}
    return desk.post(f"{page}/text", data=fields | named | typed)


def test_what_had_better_not_stand_in_a_text_is_asked_about_and_kept(desk, carol):
    page = f"/patients/{carol.public_id}"
    asked = post(desk, page, f"{page}/text", body=HIV)
    assert (asked.status_code, sent()) == (422, [])
    assert "“hiv” may tell others why the patient comes" in wrong(asked, "body")
    assert press(desk, page, asked, "Send all the same").status_code == 303
    assert [text.body for text in sent()] == [f"Elm Clinic: {HIV}. STOP ends texts"]


def test_other_words_than_those_confirmed_are_asked_about_again(desk, carol):
    page = f"/patients/{carol.public_id}"
    asked = post(desk, page, f"{page}/text", body=HIV)
    again = press(desk, page, asked, "Send all the same", body="Your cancer test results are in")
    assert (again.status_code, sent()) == (422, [])
    assert "“cancer”" in wrong(again, "body")


@pytest.mark.parametrize(("words", "hours"), [("Send now", 0), ("Send Tue 3 Nov, 9:00 am", 6)])
def test_at_three_at_night_it_is_asked_whether_now_or_at_nine(desk, clinic, carol, clock, words, hours):
    at_night(clock)
    page = f"/patients/{carol.public_id}"
    asked = post(desk, page, f"{page}/text", body="Please call us")
    assert (asked.status_code, sent()) == (422, [])
    assert "It is 3:00 am, and texts go out between 9:00 am and 7:00 pm" in wrong(asked, "body")
    answer = press(desk, page, asked, words)
    assert answer.status_code == 303
    assert sent()[0].send_at == clock.now().add(hours=hours)
    told = desk.get(answer.location).text
    assert ("The text leaves Tue 3 Nov, 9:00 am" in told) == bool(hours)


def test_a_doubtful_text_at_night_answers_both_questions_with_one_press(desk, clinic, carol, clock):
    at_night(clock)
    page = f"/patients/{carol.public_id}"
    asked = post(desk, page, f"{page}/text", body=HIV)
    assert "hiv" in wrong(asked, "body") and "It is 3:00 am" in wrong(asked, "body")
    press(desk, page, asked, "Send Tue 3 Nov")
    assert sent()[0].send_at == clock.now().add(hours=6)


def test_a_text_is_seen_as_it_will_leave_with_its_true_size(desk, carol):
    page, body = f"/patients/{carol.public_id}", "Please bring your card " + "x" * 110
    for answer in (post(desk, page, f"{page}/text", body=body, check="1"),
                   post(desk, page, f"{page}/text/preview", body=body)):  # fmt: skip
        assert answer.status_code == 200
        assert f"Elm Clinic: {body}. STOP ends texts" in answer.text
        assert "2 segments" in answer.text
    assert sent() == []


def test_why_nothing_can_be_texted_stands_beside_the_field_and_what_was_typed_is_kept(desk, carol):
    page = f"/patients/{carol.public_id}"
    opened = desk.get(page)
    with transaction() as session:
        session.execute(update(Patient).values(consent_how=""))
    answer = press(desk, page, opened, "Send", body="Please call us")
    assert (answer.status_code, sent()) == (422, [])
    assert "the patient has not agreed to texts" in wrong(answer, "body")
    assert "Please call us" in answer.text
    assert "Has not agreed to texts" in desk.get(page).text


def test_send_now_asks_at_night_and_can_wait_for_nine(desk, clinic, carol, clock):
    visit = an_appointment(clinic, carol)
    at_night(clock)
    reminder = db.session.scalar(select(Reminder.public_id).where(Reminder.step_key == "3_days"))
    page = f"/appointments/{visit.public_id}"
    asked = post(desk, f"/patients/{carol.public_id}", f"{page}/reminders/{reminder}/send-now")
    assert asked.status_code == 422
    assert "It is 3:00 am" in asked.text and "Nothing has been sent yet" in asked.text
    post(desk, f"/patients/{carol.public_id}", f"{page}/reminders/{reminder}/send-now", hour="opening")
    at = select(Reminder.send_at).where(Reminder.step_key == "3_days", Reminder.wanted)
    assert db.session.scalar(at) == clock.now().add(hours=6)
