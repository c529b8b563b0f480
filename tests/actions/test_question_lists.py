"""A phone that could mean several appointments is sent a list with letters, and its letters count one by one."""

from datetime import datetime

import pytest

from reminder_site.db import transaction
from reminder_site.models import Appointment, InboundMessage, Patient
from tests.factories import a_clinic, a_patient, an_appointment
from tests.texting import PHONE, fresh, heard, last_text, text


@pytest.fixture
def listed(family, now):
    """The list was sent an hour after they were asked."""
    assert "A Carol Fri 20 Nov 2:30pm, B Tim Fri 20 Nov 3:00pm" in text("1", now.add(hours=1))
    return family


def answers_of(visits):
    return [fresh(visit).answer for visit in visits]


@pytest.mark.parametrize(
    ("said", "ends_as"),
    [
        ("A1 B3", ["confirmed", "cannot_come"]),
        ("A1", ["confirmed", "none"]),
        ("Tim 2", ["none", "change_wanted"]),
        ("both 1", ["confirmed", "confirmed"]),
        ("1", ["none", "none"]),
        ("C1", ["none", "none"]),
        ("A1?", ["none", "none"]),
    ],
)
def test_the_letters_of_the_list_count(listed, now, said, ends_as):
    text(said, now.add(hours=2))
    assert answers_of(listed) == ends_as


def test_one_reply_says_what_was_understood_and_the_list_waits_for_nobody_any_more(listed, now):
    reply = text("A1 B3", now.add(hours=2))
    assert "A Fri 20 Nov 2:30pm: yes, see you. B Fri 20 Nov 3:00pm: cancelled." in reply
    with transaction() as session:
        assert not any(row.needs_person for row in session.query(InboundMessage))


def test_half_an_answer_leaves_the_list_with_a_person_and_the_rest_can_still_come(listed, now):
    text("A1", now.add(hours=2))
    with transaction() as session:
        assert [row.needs_person for row in session.query(InboundMessage).order_by(InboundMessage.id)] == [True, False]
    text("B1", now.add(hours=3))
    assert answers_of(listed) == ["confirmed", "confirmed"]


def test_a_letter_of_an_appointment_that_is_otherwise_by_now_goes_to_a_person(listed, now):
    with transaction() as session:
        moved = session.get_one(Appointment, listed[0].id)
        moved.starts_local = datetime(2026, 11, 20, 16, 0)
    reply = text("A3 B1", now.add(hours=2))
    assert [fresh(visit).state for visit in listed] == ["booked", "booked"]
    assert answers_of(listed) == ["none", "confirmed"]
    assert "2:30 pm" in last_text().effect and last_text().needs_person
    assert "A: we will be in touch. B Fri 20 Nov 3:00pm: yes, see you" in reply


def test_a_letter_of_a_patient_whose_number_is_another_one_by_now_changes_nothing(listed, now):
    with transaction() as session:
        session.get_one(Patient, listed[1].patient_id).phone_e164 = "+12125550199"
    text("B3", now.add(hours=2))
    assert fresh(listed[1]).state == "booked"
    assert last_text().needs_person


def test_letters_without_a_list_are_for_a_person(family, now):
    text("A1", now.add(hours=1))
    assert answers_of(family) == ["none", "none"]
    assert last_text().needs_person


def test_a_list_whose_appointments_are_over_is_none(listed):
    text("A3", listed[1].starts_at.add(minutes=1))
    assert [fresh(visit).state for visit in listed] == ["booked", "booked"]


def test_appointments_at_two_clinics_are_left_to_a_person(clinic, now):
    other = a_clinic("Oak Clinic")
    visits = [an_appointment(place, a_patient(place, phone_e164=PHONE)) for place in (clinic, other)]
    for number, visit in enumerate(visits):
        heard(visit, now.add(minutes=number))
    assert "somebody will read this" in text("1", now.add(hours=1))
    assert answers_of(visits) == ["none", "none"]


def test_a_patient_with_two_appointments_is_asked_which(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    visits = [an_appointment(clinic, carol, datetime(2026, 11, day, 9, 0)) for day in (19, 20)]
    for visit in visits:
        heard(visit, now)
    assert "A Thu 19 Nov 9:00am, B Fri 20 Nov 9:00am" in text("yes", now.add(hours=1))
    text("b yes", now.add(hours=2))
    assert answers_of(visits) == ["none", "confirmed"]
