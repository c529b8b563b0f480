"""An answer counts for what this phone was last told, and for nothing else; everything else goes to a person."""

from datetime import datetime

import pytest
from sqlalchemy import update

from reminder_site.actions import answers, appointments, patients
from reminder_site.actions.appointments import Tell
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.times import moment
from reminder_site.gateways.sms import sms
from reminder_site.models import Appointment, Clinic, Clinician, Message, Patient, Template
from reminder_site.sandbox.store import Message as SandboxText
from tests import factories
from tests.delivering import carry_on, trouble
from tests.patients_page import press_by_link
from tests.texting import PHONE, fresh, last_text, sids, text

TOLD, NOW = "Friday 20 November, 2:30 pm", "Friday 20 November, 4:00 pm"


@pytest.fixture
def visit(clinic, worker, clock, sandbox):
    """An appointment whose confirmation its phone has got."""
    trouble(sandbox)
    made = factories.an_appointment(clinic, factories.a_patient(clinic, phone_e164=PHONE))
    carry_on(worker, clock, minutes=5)
    return made


def move(clinic, visit, now, *, told, hour=16):
    time = moment(datetime(2026, 11, 20, hour, 0), clinic.time_zone)
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "version": fresh(visit).version}
    appointments.move(time=time, tell=Tell(told), by=OPERATOR, now=now, **about)


def cancel(clinic, visit, now, *, told=False):
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "reason": "ill", "tell": Tell(told)}
    appointments.cancel(by=OPERATOR, now=now, **about)


@pytest.mark.parametrize("said", ["1", "2", "3", "yes", "can't come"])
def test_an_answer_to_a_time_that_was_moved_without_a_text_changes_nothing(clinic, visit, clock, said):
    move(clinic, visit, clock.now(), told=False)
    clock.forward(minutes=5)
    reply = text(said, clock.now())
    after, kept = fresh(visit), last_text()
    assert (after.state, after.answer) == ("booked", "none")
    assert kept.needs_person and "2:30 pm" in kept.effect and "4:00 pm" in kept.effect
    assert "your appointment is now Fri 20 Nov 4:00pm" in reply


def test_from_that_reply_on_the_phone_knows_and_its_next_answer_counts(clinic, visit, clock):
    move(clinic, visit, clock.now(), told=False)
    clock.forward(minutes=5)
    text("1", clock.now())
    clock.forward(minutes=16)
    text("1", clock.now())
    assert fresh(visit).answer == "confirmed"


def test_while_a_move_can_be_undone_the_patient_hears_nothing_of_it(clinic, visit, clock):
    move(clinic, visit, clock.now(), told=True)
    assert text("3", clock.now().add(seconds=30)) is None
    assert (fresh(visit).state, last_text().needs_person) == ("booked", True)


def test_once_the_new_time_was_texted_an_answer_is_about_it(clinic, visit, worker, clock):
    move(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=5)
    clock.forward(minutes=16)
    text("1", clock.now())
    assert (fresh(visit).answer, fresh(visit).starts_local.hour) == ("confirmed", 16)


@pytest.mark.parametrize("said", ["1", "3"])
def test_of_two_times_told_within_a_quarter_of_an_hour_a_person_decides(clinic, visit, worker, clock, said):
    move(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=5)
    text(said, clock.now())
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "none")
    kept = last_text()
    assert kept.needs_person and "2:30 pm" in kept.effect and "4:00 pm" in kept.effect


def test_a_phone_that_was_told_one_time_only_is_answered_at_once_however_often_it_was_told(clinic, visit, clock):
    text("1", clock.now().add(seconds=5))
    text("3", clock.now().add(seconds=15))
    assert fresh(visit).state == "cancelled"


@pytest.mark.parametrize("said", ["1", "3"])
def test_an_answer_to_an_appointment_nobody_told_this_phone_of_changes_nothing(clinic, clock, said):
    patient = factories.a_patient(clinic, phone_e164=PHONE)
    visit = factories.an_appointment(clinic, patient, now=clock.now())
    assert text(said, clock.now()) is None
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "none")
    assert last_text().needs_person and "never told" in last_text().effect


def test_a_text_to_the_number_of_another_patient_by_now_is_answered_for_nobody(clinic, visit, worker, clock):
    with transaction() as session:
        session.get_one(Patient, visit.patient_id).phone_e164 = "+12125550177"
    other = factories.an_appointment(clinic, factories.a_patient(clinic, "Ann", phone_e164=PHONE), now=clock.now())
    text("3", clock.now())
    assert (fresh(visit).state, fresh(other).state, last_text().needs_person) == ("booked", "booked", True)


@pytest.mark.parametrize("wording_names", ["place", "clinician"])
def test_another_place_or_clinician_than_was_told_goes_to_a_person(clinic, worker, clock, sandbox, wording_names):
    trouble(sandbox)
    body = f"{{{{first_name}}}}, {{{{day}}}} {{{{time}}}}, {{{{{wording_names}}}}}. Reply 1"
    with transaction() as session:
        session.add(Template(clinic_id=clinic.id, kind="confirmation", body=body, updated_at=clock.now()))
        lee, ash = Clinician(clinic_id=clinic.id, name="Dr Lee"), Clinician(clinic_id=clinic.id, name="Dr Ash")
        session.add_all([lee, ash])
    patient = factories.a_patient(clinic, phone_e164=PHONE)
    visit = factories.an_appointment(clinic, patient, clinician_id=lee.id)
    carry_on(worker, clock, minutes=5)
    with transaction() as session:
        session.get_one(Clinic, clinic.id).place = "14 High St"
    with transaction() as session:
        session.get_one(Appointment, visit.id).clinician_id = ash.id
    text("1", clock.now())
    assert (fresh(visit).answer, last_text().needs_person) == ("none", True)


def test_a_clinic_that_only_changed_its_phone_number_still_takes_the_answer(clinic, visit, clock):
    with transaction() as session:
        session.get_one(Clinic, clinic.id).phone = "(212) 555-0199"
    text("1", clock.now())
    assert fresh(visit).answer == "confirmed"


def test_a_cancelled_appointment_is_not_brought_back_by_an_answer_to_what_was_told_before(clinic, visit, clock):
    cancel(clinic, visit, clock.now())
    reply = text("1", clock.now().add(minutes=5))
    assert (fresh(visit).state, last_text().needs_person) == ("cancelled", True)
    assert "nobody expects you then" in reply


@pytest.mark.parametrize("first", ["confirm", "change"])
def test_an_undo_by_the_patient_restores_the_answer_that_stood_before(clinic, visit, clock, first):
    press_by_link(visit, first, clock.now())
    stood = fresh(visit).answer
    press_by_link(visit, "cannot_come", clock.now())
    assert fresh(visit).state == "cancelled"
    press_by_link(visit, "undo", clock.now())
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", stood)
    assert stood in {"confirmed", "change_wanted"}


@pytest.mark.parametrize("state", ["scheduled", "unknown", "accepted"])
def test_an_answer_that_overtakes_the_receipt_of_the_text_it_answers_counts(clinic, now, state):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic, phone_e164=PHONE))
    with transaction() as session:
        first = Message.appointment_id == visit.id, Message.send_at == now.add(minutes=2)
        session.execute(update(Message).where(*first).values(state=state, next_action_at=None))
    text("1", now.add(minutes=3))
    assert fresh(visit).answer == "confirmed"


@pytest.mark.parametrize("said", ["1", "3"])
def test_an_answer_to_a_text_that_asked_nothing_changes_nothing(clinic, visit, worker, clock, said):
    cancel(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=20)
    undo = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "by": OPERATOR}
    appointments.undo_cancel(**undo, now=clock.now())
    reply = text(said, clock.now())
    assert (fresh(visit).state, fresh(visit).answer, last_text().needs_person) == ("booked", "none", True)
    assert "your appointment is now Fri 20 Nov 2:30pm" in reply


def test_who_heard_last_that_it_is_off_hears_that_it_is_on_whoever_cancelled_meanwhile(clinic, visit, worker, clock):
    cancel(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=20)
    undo = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "by": OPERATOR}
    appointments.undo_cancel(**undo, now=clock.now())
    press_by_link(visit, "cannot_come", clock.now())
    assert appointments.undo_cancel(**undo, now=clock.now().add(seconds=30)) is True


@pytest.mark.parametrize(("said", "answer"), [("yes", "none"), ("1", "confirmed")])
def test_words_after_a_text_by_hand_may_answer_that_and_a_digit_does_not(clinic, visit, worker, clock, said, answer):
    clock.forward(minutes=30)
    carol = db.session.get_one(Patient, visit.patient_id).public_id
    about = {"clinic_id": clinic.id, "patient_id": carol, "by": OPERATOR, "now": clock.now()}
    patients.send_text(body="Elm Clinic: can you phone us? STOP ends texts", **about)
    carry_on(worker, clock, minutes=5)
    text(said, clock.now())
    assert (fresh(visit).answer, last_text().needs_person) == (answer, answer == "none")


def text_of(sandbox, said, written_at):
    """A text that Twilio took at a moment, whose webhook comes only now; returns its SID."""
    sid, at = f"SM{next(sids):032x}", written_at.timestamp()
    sandbox.exchange.store.add(
        SandboxText(sid, None, PHONE, "+15005550006", said, "received", "inbound", 1, 0, None, None, False, at, at)
    )
    return sid


@pytest.mark.parametrize(("minutes_ago", "answer"), [(30, "none"), (2, "confirmed")])
def test_after_a_change_an_answer_counts_for_what_was_told_as_it_was_written(
    clinic, visit, worker, clock, sandbox, minutes_ago, answer
):
    move(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=25)
    sid = text_of(sandbox, "1", clock.now().subtract(minutes=minutes_ago))
    answers.receive(sid=sid, from_e164=PHONE, to="+15005550006", body="1", media_count=0, sms=sms(), now=clock.now())
    assert (fresh(visit).answer, last_text().needs_person) == (answer, answer == "none")


def test_after_a_change_an_answer_whose_time_twilio_cannot_say_is_for_a_person(clinic, visit, worker, clock, sandbox):
    move(clinic, visit, clock.now(), told=True)
    carry_on(worker, clock, minutes=25)
    sid = text_of(sandbox, "1", clock.now())
    trouble(sandbox, {"kind": "error_before", "on": "fetch", "probability": 1})
    about = {"sid": sid, "from_e164": PHONE, "to": "+15005550006", "sms": sms()}
    answers.receive(**about, body="1", media_count=0, now=clock.now())
    assert (fresh(visit).answer, last_text().needs_person) == ("none", True)


def test_of_a_phone_that_was_told_nothing_different_lately_twilio_is_not_asked(clinic, visit, clock, sandbox):
    trouble(sandbox, {"kind": "error_before", "on": "fetch", "probability": 1})
    about = {"from_e164": PHONE, "to": "+15005550006", "sms": sms(), "body": "1", "media_count": 0}
    answers.receive(sid=f"SM{next(sids):032x}", **about, now=clock.now())
    assert fresh(visit).answer == "confirmed"
    assert sandbox.exchange.faults.as_json()["fired"] == {}
