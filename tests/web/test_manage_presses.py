"""A press counts for what the page showed, once; what was typed is kept; the page says what is recorded."""

import pytest
from sqlalchemy import update

from reminder_site.actions import attendance
from reminder_site.db import transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Appointment, Clinic, Clinician
from tests.factories import a_patient, an_appointment
from tests.patients_page import page_token, post, press, wait
from tests.texting import fresh, last_text, link_to


@pytest.fixture(autouse=True)
def no_tries_yet(app):
    for limiter in app.extensions["limiter"]:
        limiter.reset()


@pytest.fixture
def doctor(clinic):
    doctor = Clinician(clinic_id=clinic.id, name="Dr Lee")
    with transaction() as session:
        session.add(doctor)
    return doctor


@pytest.fixture
def visit(clinic, doctor):
    return an_appointment(clinic, a_patient(clinic), clinician_id=doctor.id)


@pytest.fixture
def path(visit, now):
    return link_to(visit, now)


def opened(client, path):
    """The token of a page that a person has read."""
    token = page_token(client.get(path).text)
    wait(client)
    return token


def change(table, row, **columns):
    with transaction() as session:
        session.execute(update(table).where(table.id == row.id).values(**columns))


def confirmed_by_phone(clinic, visit, now):
    attendance.record_answer(
        clinic_id=clinic.id, appointment_id=visit.public_id, answer="confirmed", by=OPERATOR, now=now
    )


def test_the_second_page_names_what_will_be_cancelled_and_a_way_back(client, path, visit):
    page = post(client, path, opened(client, path), "cannot_come").text
    named = "Friday 20 November 2026, 2:30 pm", "Elm Clinic, 12 High St", "Dr Lee"
    for words in (*named, "Nothing has been cancelled yet", "Yes, cancel my appointment", "No, keep my appointment"):
        assert words in page
    assert fresh(visit).state == "booked"
    kept = post(client, path, page_token(page), "keep").text
    assert "Carol, your appointment stands" in kept and "Nothing was cancelled" in kept
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "none")


@pytest.mark.parametrize("what", ["time", "place", "clinician"])
@pytest.mark.parametrize("answer", ["confirm", "cannot_come"])
def test_a_press_counts_only_for_the_time_place_and_clinician_it_was_shown(
    client, path, visit, clinic, doctor, what, answer
):
    token = opened(client, path)
    if answer == "cannot_come":
        token = page_token(post(client, path, token, answer).text)
        wait(client)
    later = {"starts_at": visit.starts_at.add(hours=1), "starts_local": visit.starts_local.replace(hour=15)}
    table, row, columns, shown = {
        "time": (Appointment, visit, later, "3:30 pm"),
        "place": (Clinic, clinic, {"place": "7 Oak Rd"}, "7 Oak Rd"),
        "clinician": (Clinician, doctor, {"name": "Dr Ortiz"}, "Dr Ortiz"),
    }[what]
    change(table, row, **columns)
    page = post(client, path, token, answer).text
    assert "that press was not counted" in page and shown in page
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "none")


def test_a_press_from_a_second_phone_says_what_the_first_had_recorded(client, path, visit):
    second = opened(client, path)
    press(client, path, "confirm")
    page = post(client, path, second, "confirm").text
    assert "Thank you, Carol: you are coming" in page and "recorded already" in page


def test_a_wish_is_kept_when_somebody_else_answered_first(client, path, visit, clinic, now):
    token = opened(client, path)
    confirmed_by_phone(clinic, visit, now)
    page = post(client, path, token, "change", wish="Mondays after 4")
    assert "that press was not counted" in page.text and "You are coming" in page.text
    assert ">Mondays after 4</textarea>" in page.text
    assert fresh(visit).answer == "confirmed"
    wait(client)
    post(client, path, page_token(page.text), "change", wish="Mondays after 4")
    assert (fresh(visit).answer, last_text().body) == ("change_wanted", "Mondays after 4")


def test_a_wish_pressed_too_fast_or_over_a_wish_is_kept_in_its_place(client, path, visit):
    fast = post(client, path, page_token(client.get(path).text), "change", wish="Mondays after 4").text
    assert "Please press once more" in fast and ">Mondays after 4</textarea>" in fast
    token = opened(client, path)
    press(client, path, "change", wish="never on Fridays")
    page = post(client, path, token, "change", wish="Mondays after 4").text
    assert "You asked for another time" in page and ">Mondays after 4</textarea>" in page


def test_what_was_typed_for_an_appointment_that_is_over_is_shown(client, path, visit, clock):
    token = opened(client, path)
    press(client, path, "confirm")
    clock.set(visit.starts_at.add(minutes=1))
    page = post(client, path, token, "change", wish="Mondays after 4").text
    assert "<blockquote>Mondays after 4</blockquote>" in page
    assert "this appointment is over" in client.get(path).text


def test_a_wish_after_a_cancellation_says_that_somebody_reads_it(client, path, visit):
    press(client, path, "cannot_come")
    page = press(client, path, "change", wish="Mondays after 4").text
    assert "the clinic has your wish for another time</h1>" in page and "Somebody at the clinic reads it" in page
    assert last_text().needs_person


def test_two_different_presses_of_one_page_leave_all_as_it_was(client, path, visit):
    press(client, path, "confirm")
    token = opened(client, path)
    post(client, path, token, "change")
    assert fresh(visit).answer == "change_wanted"
    page = post(client, path, token, "undo").text
    assert "Two different buttons of one page" in page
    assert fresh(visit).answer == "confirmed"


def test_what_was_said_after_a_page_is_not_taken_back_by_it(client, path, visit):
    token = opened(client, path)
    post(client, path, token, "change")
    press(client, path, "confirm")
    post(client, path, token, "cannot_come")
    assert fresh(visit).answer == "confirmed"


@pytest.mark.parametrize("act", ["answer", "undo"])
def test_an_address_that_takes_answers_leads_a_reader_to_the_page(client, path, act):
    assert client.get(f"{path}/{act}").location == path


def test_the_first_words_after_each_answer_say_its_outcome(client, path, visit):
    outcomes = {
        "confirm": ("Thank you, Carol: you are coming", "You are coming"),
        "change": ("the clinic has your wish for another time", "The clinic has your wish for another time"),
        "undo": ("Your last answer has been taken back", "Taken back: you are coming"),
        "cannot_come": ("Thank you, Carol: your appointment is cancelled", "Your appointment is cancelled"),
    }
    for answer, (heading, title) in outcomes.items():
        page = press(client, path, answer).text
        assert f"{heading}</h1>" in page and '<h1 tabindex="-1" autofocus>' in page
        assert f"<title>{title} · Elm Clinic</title>" in page
    assert "autofocus" not in client.get(path).text
