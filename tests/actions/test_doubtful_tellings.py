"""Where it is not certain what a phone was told, or what a reply is to, an answer goes to a person."""

from datetime import datetime

import pytest
from sqlalchemy import select

from reminder_site.actions import appointments
from reminder_site.actions.answers import ASK_SECONDS
from reminder_site.actions.appointments import Tell
from reminder_site.db import db, transaction
from reminder_site.domain import segments
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.times import moment
from reminder_site.gateways.wire import CONNECT_SECONDS
from reminder_site.models import Appointment, Clinic, InboundMessage, Message, Patient
from tests.delivering import SILENT, carry_on, trouble
from tests.factories import a_patient, an_appointment
from tests.patients_page import press_by_link
from tests.texting import PHONE, fresh, heard, last_text, text


@pytest.fixture
def family(clinic, now):
    """Ann and Leo on one phone, each with an appointment that was asked about."""
    people = [a_patient(clinic, name, phone_e164=PHONE) for name in ("Ann", "Leo")]
    visits = [an_appointment(clinic, one, datetime(2026, 11, 20, 14, 30 * n)) for n, one in enumerate(people)]
    for number, visit in enumerate(visits):
        heard(visit, now.add(minutes=number))
    return visits


def move(clinic, visit, now, *, told):
    time = moment(datetime(2026, 11, 20, 16, 0), clinic.time_zone)
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "version": fresh(visit).version}
    appointments.move(time=time, tell=Tell(told), by=OPERATOR, now=now, **about)


def cancel(clinic, visit, now):
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "reason": "ill", "tell": Tell(False)}
    appointments.cancel(by=OPERATOR, now=now, **about)


def stand(visits):
    return [(fresh(visit).state, fresh(visit).answer) for visit in visits]


@pytest.mark.parametrize("said", ["1", "3"])
def test_an_answer_does_not_count_for_a_time_whose_text_did_not_come(clinic, worker, clock, sandbox, said):
    trouble(sandbox)
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    carry_on(worker, clock, minutes=5)
    sandbox.exchange.faults.put(SILENT | {"carrier": {PHONE: {"status": "undelivered"}}})
    move(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=25, step_seconds=60)
    moved = select(Message.state).where(Message.appointment_id == visit.id, Message.state == "undelivered")
    assert db.session.scalars(moved).all() == ["undelivered"]
    reply = text(said, clock.now())
    assert stand([visit]) == [("booked", "none")]
    kept = last_text()
    assert kept.needs_person and "2:30 pm" in kept.effect and "4:00 pm may not have come" in kept.effect
    assert "your appointment is now Fri 20 Nov 4:00pm" in reply


@pytest.mark.parametrize("state", ["undelivered", "failed"])
def test_an_answer_to_no_single_text_that_came_changes_nothing(clinic, now, state):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(visit, now)
    with transaction() as session:
        session.scalars(select(Message).where(Message.state == "delivered")).one().state = state
    text("3", now.add(hours=1))
    assert (fresh(visit).state, last_text().needs_person) == ("booked", True)
    assert "no text about the appointment" in last_text().effect


def test_of_two_texts_that_may_not_have_come_neither_decides(clinic, now):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    with transaction() as session:
        texts = session.scalars(select(Message).where(Message.appointment_id == visit.id).order_by(Message.id)).all()
        first, second = texts[:2]
        first.told = {**first.told, "starts": "2026-11-20T12:00:00"}
        for one, state, minutes in ((first, "undelivered", 0), (second, "unknown", 30)):
            one.state, one.send_at, one.next_action_at = state, now.add(minutes=minutes), None
    text("3", now.add(hours=1))
    assert (fresh(visit).state, last_text().needs_person) == ("booked", True)


def test_a_reply_that_was_kept_back_has_told_nobody_anything(clinic, now):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(visit, now)
    for minute in (1, 2, 3):
        assert text("1", now.add(minutes=minute)) is not None
    move(clinic, visit, now.add(minutes=5), told=False)
    assert text("1", now.add(minutes=10)) is None
    text("1", now.add(minutes=30))
    assert (fresh(visit).answer, last_text().needs_person) == ("none", True)
    kept = db.session.scalars(select(InboundMessage.told).order_by(InboundMessage.id.desc()).limit(2)).all()
    assert kept == [None, None]


@pytest.mark.parametrize("which", [0, 1])
def test_a_digit_may_be_about_an_appointment_that_was_cancelled_without_a_text(clinic, family, now, which):
    cancel(clinic, family[which], now.add(minutes=5))
    before = stand(family)
    text("3", now.add(hours=1))
    assert stand(family) == before
    assert last_text().needs_person


def test_a_digit_may_be_about_a_patient_who_has_another_number_by_now(family, now):
    with transaction() as session:
        session.get_one(Patient, family[1].patient_id).phone_e164 = "+12125550199"
    reply = text("3", now.add(hours=1))
    assert stand(family) == [("booked", "none")] * 2
    assert last_text().needs_person
    assert "Leo" not in reply


def test_a_letter_counts_for_no_place_that_was_not_told(clinic, family, now):
    text("1", now.add(hours=1))
    with transaction() as session:
        session.get_one(Clinic, clinic.id).place = "14 High St"
    text("both 1", now.add(hours=2))
    assert stand(family) == [("booked", "none")] * 2
    assert "another place" in last_text().effect


def test_a_letter_does_not_count_for_another_time_than_the_list_named(clinic, family, now):
    text("1", now.add(hours=1))
    with transaction() as session:
        moved = session.get_one(Appointment, family[0].id)
        moved.starts_local, moved.starts_at = datetime(2026, 11, 20, 16, 0), moved.starts_at.add(minutes=90)
        texts = session.scalars(select(Message).where(Message.appointment_id == moved.id).order_by(Message.id)).all()
        texts[1].told = {**texts[0].told, "starts": "2026-11-20T16:00:00"}
        texts[1].state, texts[1].send_at, texts[1].next_action_at = "delivered", now.add(minutes=90), None
    reply = text("A3 B1", now.add(hours=2))
    assert stand(family) == [("booked", "none"), ("booked", "confirmed")]
    assert "A: we will be in touch" in reply
    assert last_text().needs_person


def test_a_reply_about_many_letters_fits_two_segments(clinic, now):
    carol = a_patient(clinic, phone_e164=PHONE)
    visits = [an_appointment(clinic, carol, datetime(2026, 11, day, 10, 30)) for day in (16, 17, 18, 19, 20)]
    for visit in visits:
        heard(visit, now)
    text("1", now.add(hours=1))
    reply = text("all 2", now.add(hours=2))
    assert stand(visits) == [("booked", "change_wanted")] * 5
    assert all(f"{letter}: we will be in touch about another time" in reply for letter in "ABCDE")
    assert segments.count(reply).segments <= 2


def test_twilio_is_asked_no_longer_than_it_waits_for_our_answer():
    assert CONNECT_SECONDS + ASK_SECONDS < 15


def test_whoever_was_told_that_it_is_off_has_no_question_open(clinic, now):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(visit, now)
    text("3", now.add(minutes=30))
    assert "nobody expects you then" in text("2", now.add(minutes=31))
    assert text("1", now.add(minutes=32)) is None
    assert (fresh(visit).state, last_text().needs_person) == ("cancelled", True)


def test_after_a_list_a_bare_digit_is_unclear_until_each_of_its_lines_was_answered(family, now):
    text("1", now.add(hours=1))
    text("A1", now.add(hours=2))
    assert "A Ann Fri 20 Nov 2:00pm, B Leo Fri 20 Nov 2:30pm" in text("1", now.add(hours=3))
    press_by_link(family[1], "confirm", now.add(hours=4))
    assert "A Ann" in text("3", now.add(hours=5))
    assert stand(family) == [("booked", "confirmed")] * 2


def test_a_list_names_no_time_that_may_be_undone_yet(clinic, family, now):
    move(clinic, family[0], now.add(hours=1), told=True)
    assert "somebody will read this" in text("1", now.add(hours=1, seconds=30))
    assert "A Leo Fri 20 Nov 2:30pm, B Ann Fri 20 Nov 4:00pm" in text("1", now.add(hours=1, minutes=5))


def test_what_the_reply_to_a_letter_names_is_told_as_well(clinic, family, now):
    text("1", now.add(hours=1))
    text("both 1", now.add(hours=2))
    move(clinic, family[0], now.add(hours=2, minutes=1), told=False)
    cancel(clinic, family[1], now.add(hours=2, minutes=2))
    kept = db.session.scalar(select(InboundMessage.told).order_by(InboundMessage.id.desc()).limit(1))
    assert [line["told"]["starts"] for line in kept["each"]] == ["2026-11-20T14:00:00", "2026-11-20T14:30:00"]
    text("3", now.add(hours=2, minutes=3))
    assert stand(family) == [("booked", "none"), ("cancelled", "confirmed")]


def test_an_older_text_that_comes_late_does_not_undo_a_newer_answer(clinic, now):
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(visit, now)
    text("3", now.add(minutes=40))
    assert text("1", now.add(minutes=45), written_at=now.add(minutes=30)) is None
    assert fresh(visit).state == "cancelled"
    assert "came late" in last_text().effect
