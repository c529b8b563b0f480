"""Texts patients send: what each does to the appointment, to the texts on their way, and to the inbox."""

import threading
from datetime import datetime

import pendulum
import pytest
from sqlalchemy import func, select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Audit, Clinic, Clinician, InboundMessage, OptOut
from tests.delivering import at_twilio
from tests.factories import a_patient, an_appointment
from tests.texting import PHONE, coming, fresh, heard, last_text, text


@pytest.fixture
def carol(clinic):
    return a_patient(clinic, phone_e164=PHONE)


@pytest.fixture
def visit(clinic, carol, now):
    appointment = an_appointment(clinic, carol)
    heard(appointment, now.add(minutes=2))
    return appointment


DIALOGUES = [
    # what she texts, one after the other: then state, answer, the end of the last reply, does a person have to look
    (["1"], "booked", "confirmed", "thank you, see you", False),
    (["1."], "booked", "confirmed", "thank you, see you", False),
    ([" Yes "], "booked", "confirmed", "thank you, see you", False),
    (["sí"], "booked", "confirmed", "thank you, see you", False),
    (["👍"], "booked", "confirmed", "thank you, see you", False),
    (["1", "1"], "booked", "confirmed", "thank you, see you", False),
    (["2"], "booked", "change_wanted", "about another time", True),
    (["reschedule"], "booked", "change_wanted", "about another time", True),
    (["1", "2"], "booked", "change_wanted", "about another time", True),
    (["2", "1"], "booked", "confirmed", "thank you, see you", False),
    (["3"], "cancelled", "cannot_come", "can't come", False),
    (["N"], "cancelled", "cannot_come", "can't come", False),
    (["I can’t come"], "cancelled", "cannot_come", "can't come", False),
    (["nein"], "cancelled", "cannot_come", "can't come", False),
    (["3", "3"], "cancelled", "cannot_come", "can't come", False),
    (["N", "Y"], "booked", "confirmed", "thank you, see you", False),
    (["1", "3", "1"], "booked", "confirmed", "thank you, see you", False),
    (["3", "2"], "cancelled", "cannot_come", "had been cancelled", True),
    (["can I come at 4?"], "booked", "none", "somebody will read this", True),
    (["can I come at 4?", "or 5?"], "booked", "none", None, True),
    (["see you at 2:30"], "booked", "none", "somebody will read this", True),
    ([""], "booked", "none", "somebody will read this", True),
    (["please stop texting me"], "booked", "none", "no more texts will come from us", False),
    (["no thanks"], "booked", "none", "somebody will read this", True),
    (["see you <3"], "booked", "confirmed", "thank you, see you", False),
    (["3?"], "booked", "none", "somebody will read this", True),
    (["STOP"], "booked", "none", None, False),
    (["stop."], "booked", "none", "no more texts will come from us", False),
    (["CANCEL"], "booked", "none", None, True),
    (["HELP"], "booked", "none", "call (212) 555-0100", False),
    (["ayuda"], "booked", "none", "STOP ends texts", False),
    (["START"], "booked", "none", None, False),
    (["STOP", "1"], "booked", "confirmed", None, False),
    (["STOP", "START", "1"], "booked", "confirmed", "thank you, see you", False),
    (["STOP", "YES"], "booked", "none", None, False),
    (["wrong number"], "booked", "none", "no more texts will come from us", True),
    (["stop.", "stop."], "booked", "none", None, False),
]


@pytest.mark.parametrize(("said", "state", "answer", "reply", "person"), DIALOGUES)
def test_a_dialogue_ends_like_this(visit, now, said, state, answer, reply, person):
    replies = [text(body, now.add(minutes=10 + number)) for number, body in enumerate(said)]
    after = fresh(visit)
    assert (after.state, after.answer) == (state, answer)
    assert (reply in replies[-1]) if reply else replies[-1] is None
    assert last_text().needs_person is person
    assert last_text().effect
    assert last_text().appointment_id == visit.id


def test_coming_after_all_brings_the_texts_back(visit, now):
    before = sorted(coming(visit))
    text("3", now.add(minutes=10))
    assert coming(visit) == []
    assert fresh(visit).cancelled_by == "patient"
    text("1", now.add(minutes=20))
    assert len(coming(visit)) in {len(before), len(before) - 1}  # a confirmed patient is asked no more
    assert coming(visit)


def test_coming_after_all_goes_to_a_person_when_the_time_was_given_away(clinic, visit, now):
    with transaction() as session:
        doctor = Clinician(clinic_id=clinic.id, name="Dr Lee")
        session.add(doctor)
        session.flush()
        session.get(Appointment, visit.id).clinician_id = doctor.id
    text("3", now.add(minutes=10))
    an_appointment(clinic, a_patient(clinic, "Ann"), clinician_id=doctor.id)
    assert "may have been given away" in text("1", now.add(minutes=30))
    assert fresh(visit).state == "cancelled"
    assert last_text().needs_person


def test_saying_it_late_is_notice_and_not_refused(visit, now):
    reply = text("3", visit.starts_at.subtract(minutes=90))
    after = fresh(visit)
    assert (after.state, after.late_notice) == ("cancelled", True)
    assert "thank you for letting us know" in reply
    assert last_text().needs_person


def test_an_answer_after_the_appointment_gets_the_truth(visit, now):
    assert "is over" in text("1", visit.starts_at.add(minutes=5))
    assert fresh(visit).answer == "none"
    assert not last_text().needs_person
    text("3", visit.starts_at.add(minutes=6))
    assert last_text().needs_person


def test_an_answer_after_the_clinic_cancelled_changes_nothing(visit, now):
    with transaction() as session:
        row = session.get(Appointment, visit.id)
        row.state, row.cancelled_by = "cancelled", "clinic"
    assert "had been cancelled" in text("1", now.add(hours=1))
    assert fresh(visit).state == "cancelled"


def test_stopping_takes_back_every_text_in_the_same_breath(clinic, carol, visit, now):
    later = an_appointment(clinic, carol, datetime(2026, 12, 10, 9, 0))
    assert coming(visit)
    assert coming(later)
    text("STOP", now.add(minutes=10))
    assert coming(visit) == coming(later) == []
    assert db.session.scalar(select(OptOut.word).where(OptOut.e164 == PHONE, OptOut.ended_at.is_(None))) == "STOP"
    text("START", now.add(minutes=20))
    assert coming(visit)
    assert db.session.scalar(select(OptOut.ended_at).where(OptOut.e164 == PHONE)) == now.add(minutes=20)


def test_a_bare_cancel_stops_texts_and_has_somebody_phone(visit, now):
    assert text("Cancel", now.add(minutes=10)) is None
    assert coming(visit) == []
    assert fresh(visit).state == "booked"
    told = last_text()
    assert told.effect.endswith("may want to cancel the appointment on Fri 20 Nov, 2:30 pm: phone them")
    assert told.needs_person


def test_a_wrong_number_is_flagged_and_never_texted_again(carol, visit, now):
    text("Wrong number!", now.add(minutes=10))
    assert coming(visit) == []
    assert fresh(carol).phone_flag == "wrong_number"
    assert db.session.scalar(select(OptOut.source)) == "wrong_number"


def test_the_same_text_again_does_nothing_and_gets_the_same_reply(visit, now):
    first = text("3", now.add(minutes=10), sid="SM" + "a" * 32)
    text("1", now.add(minutes=11))
    assert text("3", now.add(minutes=12), sid="SM" + "a" * 32) == first
    assert fresh(visit).answer == "confirmed"


def test_ten_copies_at_once_have_one_effect(app, visit, now):
    replies, start = [], threading.Barrier(10)

    def send():
        with app.app_context():
            start.wait()
            replies.append(text("2", now.add(minutes=10), sid="SM" + "b" * 32))

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 10
    assert len(set(replies)) == 1
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 1
    assert db.session.scalar(select(func.count()).select_from(Audit).where(Audit.what == "answer.ask_to_move")) == 1


def test_an_answer_to_a_text_whose_receipt_was_lost_brings_no_second_one(app, clinic, worker, clock, sandbox):
    """Twilio has sent the day-before text, nobody told us, and the patient confirms: the plan now wants other words."""
    visit = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE), datetime(2026, 11, 5, 9, 30))
    clock.forward(minutes=3)
    worker.settle()
    clock.set(pendulum.datetime(2026, 11, 4, 15, 1, tz="UTC"))
    before = [m.sid for m in at_twilio(sandbox)]
    text("1", clock.now())
    clock.forward(minutes=5)
    worker.settle()
    assert fresh(visit).answer == "confirmed"
    assert len(before) >= 2
    assert [m.sid for m in at_twilio(sandbox)] == before


def test_two_machines_that_answer_each_other_come_to_an_end(visit, now):
    replies = [text("yes", now.add(minutes=10 + minute)) for minute in range(6)]
    assert [reply is not None for reply in replies] == [True] * 3 + [False] * 3
    assert "STOP ends texts" in text("ayuda", now.add(minutes=20))
    assert text("yes", now.add(minutes=75)) is not None
    assert fresh(visit).answer == "confirmed"


def test_what_nobody_understands_is_answered_once_an_hour(visit, now):
    replies = [text("can I come at 4?", now.add(minutes=minutes)) for minutes in (10, 69, 71)]
    assert [reply is not None for reply in replies] == [True, False, True]


@pytest.mark.parametrize("twilio_does", [True, False])
def test_each_opt_out_is_acknowledged_once_by_twilio_or_by_us(clinic, visit, now, twilio_does):
    with transaction() as session:
        session.get_one(Clinic, clinic.id).twilio_acknowledges = twilio_does
    for number, body in enumerate(("STOP", "stop", " Stop ", "CANCEL", "stop.", "wrong number")):
        reply = text(body, now.add(minutes=10 + 3 * number))
        twilio_answers = twilio_does and body.strip().upper() in {"STOP", "CANCEL"}
        assert (reply is None) == twilio_answers, body
        assert text(body, now.add(minutes=11 + 3 * number)) is None  # once is enough
        text("START", now.add(minutes=12 + 3 * number))
