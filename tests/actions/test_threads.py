"""Whom a text is about, where families share a number and patients have several appointments."""

from datetime import datetime

from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, InboundMessage, Patient
from reminder_site.queries import inbox
from tests.factories import a_clinic, a_patient, an_appointment
from tests.texting import PHONE, fresh, heard, last_text, text


def test_an_answer_that_could_be_about_two_is_not_guessed(family, now):
    reply = text("3", now.add(hours=1))
    assert "which one? A Carol Fri 20 Nov 2:30pm, B Tim Fri 20 Nov 3:00pm" in reply
    assert [fresh(visit).state for visit in family] == ["booked", "booked"]
    assert last_text().needs_person


def test_once_one_is_answered_the_other_is_meant(family, now):
    with transaction() as session:
        other = session.get(Appointment, family[1].id)
        other.answer, other.answered_at = "confirmed", now.add(minutes=30)
    heard(family[0], now.add(hours=1))
    text("1", now.add(hours=2))
    assert fresh(family[0]).answer == "confirmed"


def test_one_that_is_asked_about_again_after_its_answer_is_an_open_question(family, now):
    with transaction() as session:
        other = session.get(Appointment, family[1].id)
        other.answer, other.answered_at = "change_wanted", now.subtract(minutes=5)
    assert "which one?" in text("3", now.add(hours=2))
    assert fresh(family[0]).state == "booked"


def test_a_change_of_mind_is_not_taken_for_an_answer_to_the_other(family, now):
    with transaction() as session:
        row = session.get(Appointment, family[1].id)
        row.answer, row.answered_at = "confirmed", now.add(hours=1)
    assert "which one?" in text("3", now.add(hours=2))
    assert fresh(family[0]).state == "booked"


def test_the_patient_last_asked_is_whose_conversation_it_joins(family, now):
    text("hello", now.add(hours=1))
    assert last_text().patient_id == family[1].patient_id


def test_a_text_soon_after_one_visit_never_cancels_the_next(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    later = an_appointment(clinic, carol, datetime(2026, 12, 20, 9, 0))
    today = an_appointment(clinic, carol)
    heard(later, now)
    heard(today, now.add(days=1))
    text("3", today.starts_at.add(minutes=10))
    assert fresh(later).state == "booked"
    assert last_text().needs_person


def test_a_text_of_a_number_texted_about_nothing_is_shown_with_its_only_appointment(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    visit = an_appointment(clinic, carol)
    text("1", now.add(minutes=1))
    assert (last_text().appointment_id, last_text().needs_person, fresh(visit).answer) == (visit.id, True, "none")


def test_a_patient_with_nothing_booked_is_told_so(clinic, now):
    a_patient(clinic, phone_e164=PHONE)
    assert "no appointment for this number" in text("1", now)
    assert last_text().needs_person


def test_an_unknown_number_gets_no_reply_but_a_person_reads_it(clinic, now):
    assert text("who is this?", now, phone="+12125550177") is None
    assert inbox.waiting(clinic.id) == 1


def test_the_old_number_of_a_patient_no_longer_answers_for_them(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    visit = an_appointment(clinic, carol)
    heard(visit, now)
    with transaction() as session:
        session.get(Patient, carol.id).phone_e164 = "+12125550188"
    text("3", now.add(hours=1))
    assert fresh(visit).state == "booked"


def test_a_clinic_with_its_own_sender_hears_only_its_own_patients(clinic, now):
    other = a_clinic("Oak Clinic", sender="MG" + "7" * 32)
    here, there = (an_appointment(place, a_patient(place, phone_e164=PHONE)) for place in (clinic, other))
    heard(there, now)
    text("1", now.add(hours=1), service="MG" + "7" * 32)
    assert (fresh(here).answer, fresh(there).answer) == ("none", "confirmed")
    assert db.session.scalar(select(InboundMessage.clinic_id)) == other.id


def test_what_another_clinic_texted_to_this_number_does_not_answer_for_ours(clinic, now):
    own_sender = "MG" + "7" * 32
    other = a_clinic("Oak Clinic", sender=own_sender)
    here = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    there = an_appointment(other, a_patient(other, phone_e164=PHONE), datetime(2026, 11, 21, 9, 0))
    heard(there, now)
    heard(here, now.add(minutes=1))
    text("3", now.add(hours=1), service=own_sender)
    assert (fresh(here).state, fresh(there).state) == ("booked", "cancelled")


def test_the_appointment_answered_last_is_whose_conversation_it_joins(family, now):
    with transaction() as session:
        row = session.get(Appointment, family[0].id)
        row.answer, row.answered_at = "confirmed", now.add(hours=1)
    text("hello", now.add(hours=2))
    assert last_text().patient_id == family[0].patient_id


def test_an_appointment_that_is_over_no_longer_waits_for_its_answer(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    over = an_appointment(clinic, carol, datetime(2026, 11, 3, 9, 0))
    coming = an_appointment(clinic, carol, datetime(2026, 11, 5, 9, 0))
    heard(over, now)
    heard(coming, now.add(minutes=5))
    text("1", over.starts_at.add(hours=20))
    assert fresh(coming).answer == "confirmed"


def test_a_cancelled_appointment_is_not_what_an_untexted_number_means(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    an_appointment(clinic, carol, datetime(2026, 11, 12, 9, 0), state="cancelled", cancelled_by="clinic")
    standing = an_appointment(clinic, carol)
    text("1", now.add(hours=1))
    assert last_text().appointment_id == standing.id
