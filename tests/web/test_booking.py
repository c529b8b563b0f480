"""Booking on one page, with every kind of bad input met in words beside its field."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Message, Patient, Template
from tests import factories
from tests.web.desk import errors, page, send, token

MARKS_AROUND = "\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"  # of direction; dropped
NEW = "/appointments/new"
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"
CAROL = {"first_name": "Carol", "last_name": "Reed", "phone": "(212) 555-0147", "consent": "spoken"}
FRIDAY = {"day": "2026-11-20", "time": "14:30"}


@pytest.fixture
def desk(client, clinic):
    """Alice, signed in at the clinic."""
    factories.sign_in(client, clinic)
    return client


def count(table):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table))


def refused(desk, **data):
    """Send the form, see it refused and kept, and return what stands beside its fields."""
    answer = send(desk, NEW, data)
    html = answer.get_data(as_text=True)
    assert (answer.status_code, count(Appointment)) == (422, 0)
    assert "Nothing has been saved yet" in html
    return errors(html), html


def test_an_existing_patient_is_booked_in_one_form(desk, clinic):
    patient = factories.a_patient(clinic)
    answer = send(desk, NEW, {"patient_id": patient.public_id, **FRIDAY})
    html = page(desk, answer.location)
    assert answer.status_code == 303
    assert "Friday 20 November 2026, 2:30 pm" in html and "New York time (EST)" in html
    assert "Carol, your appointment is Fri 20 Nov 2:30pm" in html
    assert count(Message) == 3


def test_a_new_patient_is_entered_in_the_same_form(desk, clinic):
    answer = send(desk, NEW, {**CAROL, **FRIDAY})
    assert answer.status_code == 303
    patient = db.session.scalar(select(Patient))
    assert (patient.first_name, patient.phone_e164, patient.consent_how) == ("Carol", "+12125550147", "spoken")


def test_a_patient_without_a_phone_is_booked_and_the_page_says_why_no_text_goes(desk, clinic):
    answer = send(desk, NEW, {"first_name": "Carol", **FRIDAY})
    html = page(desk, answer.location)
    assert "there is no phone number to text" in html
    assert count(Message) == 0


def test_the_same_form_sent_twice_makes_one_appointment_and_leads_to_it(desk, clinic):
    html = page(desk, NEW)
    nonce = html.split('name="nonce"')[1].split('value="')[1].split('"')[0]
    first, second = (send(desk, NEW, {**CAROL, **FRIDAY, "nonce": nonce}) for _ in range(2))
    assert first.location == second.location
    assert (count(Appointment), count(Patient)) == (1, 1)


def found(desk, typed):
    """Search as the page's script does: posted, with the form's token in a header."""
    headers = {"X-CSRFToken": token(page(desk, NEW))}
    return desk.post("/appointments/patients", data={"typed": typed}, headers=headers).json["items"]


def test_search_answers_three_letters_or_part_of_the_number(desk, clinic):
    carol = factories.a_patient(clinic, phone_e164="+12125550147")
    factories.a_patient(factories.a_clinic("Oak Clinic"), "Carola", phone_e164="+12125550147")
    for typed in ("ree", "car", "CÁROL", "555-0147", "5550147"):
        items = found(desk, typed)
        assert items == [{"id": carol.public_id, "name": "Carol Reed", "detail": "(212) 555-0147"}], typed


def test_search_offers_family_names_first_and_first_names_too(desk, clinic):
    for first, last in (("Zoe", "Annesley"), ("Ann", "Smith"), ("Bob", "Hill")):
        factories.a_patient(clinic, first, last)
    assert [item["name"] for item in found(desk, "ann")] == ["Zoe Annesley", "Ann Smith"]


def test_without_javascript_find_lists_patients_to_choose_from(desk, clinic):
    carol = factories.a_patient(clinic)
    html = send(desk, NEW, {"patient_id_typed": "reed", "find": "1", **FRIDAY}).get_data(as_text=True)
    assert f'type="radio" name="patient_id" id="patient_id-1" value="{carol.public_id}"' in html
    assert 'value="2026-11-20"' in html
    assert "Nobody found" in send(desk, NEW, {"patient_id_typed": "xyz", "find": "1"}).get_data(as_text=True)


def test_the_preview_says_instant_zone_route_encoding_segments_words_and_why(desk, clinic):
    html = send(desk, "/appointments/preview", {**CAROL, **FRIDAY}, opened=NEW).get_data(as_text=True)
    for words in (
        "Friday 20 November 2026, 2:30 pm",
        "New York time (EST) · in 18 days",
        "Tue 17 Nov, 10:00 am · in 15 days",
        "Scheduled at Twilio",
        "Sent by this site",
        "GSM-7",
        "2 segments",
        "http://localhost/m/xxxxxxxxxxxx or call",
        "Carol, we expect you Fri 20 Nov 2:30pm",
        "3 days before, at 10:00 am",
        "this rule is switched off",
    ):
        assert words in html, words
    assert count(Appointment) == count(Patient) == 0


def test_the_preview_shows_the_letter_that_costs_more(desk, clinic):
    html = send(desk, "/appointments/preview", {**CAROL, **FRIDAY, "first_name": "Martí"}, opened=NEW)
    assert "UCS-2" in html.get_data(as_text=True)
    assert "“í” is outside the plain SMS alphabet" in html.get_data(as_text=True)


def test_the_preview_button_works_without_javascript_and_saves_nothing(desk, clinic):
    answer = send(desk, NEW, {**CAROL, **FRIDAY, "preview": "1"})
    assert answer.status_code == 200
    assert "Tue 17 Nov, 10:00 am" in answer.get_data(as_text=True)
    assert count(Appointment) == 0


def test_an_unfinished_form_says_what_the_preview_still_needs(desk, clinic):
    html = send(desk, "/appointments/preview", {"day": "2026-11-20"}, opened=NEW).get_data(as_text=True)
    assert "Still missing: a patient, a time." in html
    html = send(desk, "/appointments/preview", {**FRIDAY, "phone": "2125550147"}, opened=NEW).get_data(as_text=True)
    assert "Still missing: the first name, whether texts are agreed to." in html


def test_before_the_patient_agreed_the_preview_shows_the_texts_and_that_none_leaves(desk):
    typed = {**CAROL, **FRIDAY, "consent": ""}
    html = send(desk, "/appointments/preview", typed, opened=NEW).get_data(as_text=True)
    assert "Nothing leaves until you have chosen" in html and "Carol, we expect you Fri 20 Nov" in html
    said, html = refused(desk, **typed)
    assert said == ["Choose one: no texts go out without it."] and "Carol, we expect you Fri 20 Nov" in html
    html = send(desk, "/appointments/preview", {**typed, "consent": "no"}, opened=NEW).get_data(as_text=True)
    assert "Nothing leaves until" not in html and "the patient has not agreed to texts" in html


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"day": "2027-11-07", "time": "01:30"}, "1:30 am happens twice on Sunday 7 November 2027"),
        ({"day": "2026-11-01"}, "This time has already passed."),
        ({"phone": "44 7911 123456"}, "another country&#39;s, write it with a +"),
    ],
)
def test_the_preview_says_at_once_what_cannot_be_saved(desk, typed, words):
    html = send(desk, "/appointments/preview", {**CAROL, **FRIDAY, **typed}, opened=NEW).get_data(as_text=True)
    assert words in html


def test_an_empty_form_is_refused_field_by_field(desk):
    said, _html = refused(desk)
    assert said == ["Choose a patient, or enter a new one below.", "Choose a day.", "Choose a time."]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"first_name": "x" * 81}, "This has 81 characters; at most 80 fit."),
        ({"first_name": "Ca\x00rol"}, "hidden control character"),
        ({"first_name": ""}, "Type the first name"),
        ({"consent": ""}, "no texts go out without it"),
        ({"phone": "(212) 555-01"}, "too short"),
        ({"phone": "five five five"}, "no letters"),
        ({"phone": "+44 20 7946 0000"}, "a landline cannot get texts"),
        ({"phone": "+1 900 555 0147"}, "premium"),
        ({"phone": "44 7911 123456"}, "another country's, write it with a +"),
        ({"phone": "1" * 41}, "too long"),
        ({"day": "2026-02-30"}, "no such day"),
        ({"day": "20/11/2026"}, "year-month-day"),
        ({"day": "2026-11-01"}, "already passed"),
        ({"day": "2206-11-20"}, "more than 3 years ahead"),
        ({"day": "9999-12-31", "time": "23:59"}, "check"),
        ({"day": "2026-11-02", "time": "8:59"}, "already passed"),
        ({"time": "25:00"}, "hours and minutes"),
        ({"time": "noon"}, "hours and minutes"),
        ({"kind": "not-one-of-ours"}, "Choose one of the list"),
    ],
)
def test_bad_input_is_refused_beside_its_field_and_kept(desk, typed, words):
    said, html = refused(desk, **{**CAROL, **FRIDAY, **typed})
    assert len(said) == 1, said
    assert words in said[0]
    kept = {**CAROL, **FRIDAY, **typed}
    assert all(f'value="{kept[name]}"' in html for name in ("last_name", "phone", "day", "time"))
    assert count(Patient) == 0


@pytest.mark.parametrize(
    ("day", "words", "choices"),
    [
        ("2027-03-14", "2:30 am does not exist on Sunday 14 March 2027", {"earlier": 6, "later": 7}),
        ("2027-11-07", "1:30 am happens twice on Sunday 7 November 2027", {"first": 5, "second": 6}),
    ],
)
def test_a_time_the_clocks_skip_or_repeat_is_asked_about_and_both_answers_can_be_given(desk, day, words, choices):
    typed = {**CAROL, "day": day, "time": "02:30" if day < "2027-04" else "01:30"}
    said, html = refused(desk, **typed)
    assert words in said[0]
    assert all(f'name="choice" type="radio" value="{key}"' in html for key in choices)
    for key, hour in choices.items():
        assert send(desk, NEW, {**typed, "choice": key}).status_code == 303
        starts_at = db.session.scalar(select(Appointment.starts_at).order_by(Appointment.id.desc()))
        assert (starts_at.hour, starts_at.minute) == (hour, 30)


def test_the_preview_asks_which_time_is_meant_and_keeps_asking_once_it_is_answered(desk):
    typed = {**CAROL, "day": "2027-11-07", "time": "01:30"}
    html = send(desk, "/appointments/preview", typed, opened=NEW).get_data(as_text=True)
    assert html.count('name="choice" type="radio"') == 2 and 'id="which-time"' in html
    html = send(desk, "/appointments/preview", {**typed, "choice": "second"}, opened=NEW).get_data(as_text=True)
    assert 'checked id="choice-1" name="choice" type="radio" value="second"' in html
    assert "Sunday 7 November 2027, 1:30 am" in html and "(EST)" in html


def test_an_answer_to_another_question_is_not_taken(desk):
    said, _html = refused(desk, **CAROL, day="2027-11-07", time="01:30", choice="later")
    assert "happens twice" in said[0]


def test_a_number_in_use_is_asked_about_and_does_not_block(desk, clinic):
    factories.a_patient(clinic, "Tom", phone_e164="+12125550147")
    html = send(desk, "/appointments/preview", {**CAROL, **FRIDAY}, opened=NEW).get_data(as_text=True)
    assert "This number already belongs to Tom Reed. The same family?" in html
    answer = send(desk, NEW, {**CAROL, **FRIDAY})
    assert "already belongs to Tom Reed" in page(desk, answer.location)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"day": "2026-11-21"}, "The clinic is closed on Saturdays."),
        ({"time": "17:45"}, "The clinic is open from 8:00 am to 6:00 pm on Fridays."),
        ({"day": "2026-11-26"}, "is a closed day (Thanksgiving"),
    ],
)
def test_odd_hours_are_warned_of_and_not_refused(desk, typed, words):
    html = send(desk, "/appointments/preview", {**CAROL, **FRIDAY, **typed}, opened=NEW).get_data(as_text=True)
    assert words in html
    assert send(desk, NEW, {**CAROL, **FRIDAY, **typed}).status_code == 303


def test_a_clinic_without_hours_can_book_and_says_so(client, app):
    factories.sign_in(client, factories.a_clinic(hours={}))
    answer = send(client, NEW, {**CAROL, **FRIDAY})
    assert "This clinic has no opening hours yet" in page(client, answer.location)


def test_a_second_appointment_on_the_same_day_is_warned_of(desk, clinic):
    patient = factories.a_patient(clinic)
    factories.an_appointment(clinic, patient, datetime(2026, 11, 20, 9))
    typed = {"patient_id": patient.public_id, **FRIDAY}
    html = send(desk, "/appointments/preview", typed, opened=NEW).get_data(as_text=True)
    assert "Carol Reed already has an appointment that day, at 9:00 am." in html


def test_a_chosen_and_a_typed_patient_at_once_are_asked_about(desk, clinic):
    patient = factories.a_patient(clinic, "Tom")
    said, _html = refused(desk, patient_id=patient.public_id, **CAROL, **FRIDAY)
    assert said == ["You chose Tom Reed and also typed a new patient. Clear one of the two."]


def test_another_clinics_patient_cannot_be_chosen(desk):
    stranger = factories.a_patient(factories.a_clinic("Oak Clinic"))
    said, _html = refused(desk, patient_id=stranger.public_id, **FRIDAY)
    assert said == ["Choose a patient, or enter a new one below."]


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # on both, a patient's own form takes each of them
@pytest.mark.parametrize("part", range(5))
def test_naughty_strings_as_names_are_kept_byte_for_byte_or_refused_in_words(desk, part):
    if not SHARED_DATA.exists():
        pytest.skip("the shared test data is not here")
    naughty = json.loads((SHARED_DATA / "text" / "blns.json").read_text("utf-8"))
    assert len(naughty) == 515
    form = {**FRIDAY, "csrf_token": token(page(desk, NEW))}
    kept = 0
    for text in naughty[part::5]:
        answer = desk.post(NEW, data={**form, "first_name": text})
        if answer.status_code == 422:
            assert errors(answer.get_data(as_text=True)), text
            continue
        name = db.session.scalar(select(Patient.first_name).order_by(Patient.id.desc()))
        assert name.strip() == text.strip(MARKS_AROUND + "".join(filter(str.isspace, text)))
        kept += 1
        last = answer.location
    page(desk, last)
    assert kept > 60


def test_a_wording_that_is_too_long_with_this_name_is_said_in_the_preview_and_refused_in_words(desk, clinic, now):
    long = ("{{first_name}}: " + "Please bring all your papers with you. " * 41)[:1595]
    with transaction() as session:
        session.add(Template(clinic_id=clinic.id, kind="reminder_ask", body=long, updated_at=now))
    patient = factories.a_patient(clinic, "Maximiliana-Theodora-Wilhelmina")
    typed = {"patient_id": patient.public_id, **FRIDAY}
    said = "would have 1,612 characters; at most 1,600 can be sent"
    assert said in send(desk, "/appointments/preview", typed, opened=NEW).get_data(as_text=True)
    _said, html = refused(desk, **typed)
    assert said in html and count(Message) == 0


def test_the_preview_says_why_a_reminder_waits_for_the_morning_in_honolulu(desk):
    typed = {**CAROL, **FRIDAY, "phone": "(808) 555-0142"}
    html = send(desk, "/appointments/preview", typed, opened=NEW).get_data(as_text=True)
    assert "because it is 5:00 am in Honolulu, where this phone may be" in html
