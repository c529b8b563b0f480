"""A parked text is not sent when Twilio has it, or when it is not wanted any more."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import locks, parking
from reminder_site.db import db, transaction
from reminder_site.domain import refusals
from reminder_site.models import Appointment, Message, OptOut, Reminder
from tests import factories
from tests.appointing import ALICE
from tests.delivering import a_text, now_as


@pytest.mark.parametrize("columns", [{"sid": "SM" + "a" * 32}, {"wanted": False}], ids=["at Twilio", "taken back"])
def test_a_parked_text_that_may_not_leave_any_more_is_not_sent(clinic, now, columns):
    message_id = a_text(clinic, now, in_minutes=60)
    with transaction() as session:
        parked = {"state": "needs_review", "next_action_at": None, **columns}
        session.execute(update(Message).where(Message.id == message_id).values(**parked))
    with pytest.raises(refusals.TooLateToSend):
        parking.send_anyway(clinic_id=clinic.id, message_id=now_as(message_id).public_id, by=ALICE, now=now)
    assert now_as(message_id).state == "needs_review"


def offered(clinic, now, message_id):
    """Why a parked text may not leave; empty when it does."""
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(state="needs_review"))
    try:
        parking.send_anyway(clinic_id=clinic.id, message_id=now_as(message_id).public_id, by=ALICE, now=now)
    except refusals.TooLateToSend as refusal:
        return str(refusal)
    assert now_as(message_id).state == "pending"
    return ""


def test_a_parked_text_leaves_while_it_is_of_use_and_not_a_moment_longer(clinic, now):
    over, not_yet = (a_text(clinic, now.subtract(hours=2, seconds=seconds)) for seconds in (0, -1))
    assert "too late" in offered(clinic, now, over)
    assert offered(clinic, now, not_yet) == ""


def test_a_parked_text_to_a_number_that_cannot_be_texted_stays_even_if_its_own_answer_said_so(clinic, now):
    carol = factories.a_patient(clinic, phone_flag="unreachable")
    text = a_text(clinic, now, to_e164=carol.phone_e164, patient_id=carol.id, ever_unknown=True)
    assert offered(clinic, now, text) == "This number cannot be texted."


def test_a_parked_text_to_a_number_that_has_opted_out_stays(clinic, now):
    text = a_text(clinic, now)
    with transaction() as session:
        out = {"e164": now_as(text).to_e164, "sender": now_as(text).sender}
        session.add(OptOut(**out, source="text", started_at=now))
    assert offered(clinic, now, text) == "This number has opted out of texts."


def test_leaving_a_text_whose_reminder_was_dropped_already_decides_nothing_about_the_plan(clinic, now):
    made = factories.an_appointment(clinic, factories.a_patient(clinic))
    with transaction() as session:
        locks.appointments(session, Appointment.id == made.id)
        text = session.scalar(select(Message).where(Message.appointment_id == made.id).limit(1))
        session.execute(update(Message).where(Message.id == text.id).values(state="needs_review", wanted=False))
        session.execute(update(Reminder).where(Reminder.id == text.reminder_id).values(wanted=False))
        text_id, reminder_id = text.public_id, text.reminder_id
    parking.leave(clinic_id=clinic.id, message_id=text_id, by=ALICE, now=now)
    assert not db.session.get(Reminder, reminder_id).by_hand


@pytest.fixture
def parked(clinic, now):
    """Two parked texts, by their public ids."""
    ids = [a_text(clinic, now, in_minutes=60) for _ in range(2)]
    with transaction() as session:
        session.execute(update(Message).values(state="needs_review", next_action_at=None))
    return [now_as(each).public_id for each in ids]


def states():
    db.session.rollback()
    return dict(db.session.execute(select(Message.public_id, Message.state)).all())


@pytest.mark.parametrize("decide", [parking.send_anyway, parking.leave])
def test_what_is_decided_about_one_parked_text_touches_no_other(clinic, now, parked, decide):
    before = states()
    decide(clinic_id=clinic.id, message_id=parked[1], by=ALICE, now=now)
    assert states()[parked[0]] == before[parked[0]] and states()[parked[1]] != before[parked[1]]


@pytest.mark.parametrize("decide", [parking.send_anyway, parking.leave])
def test_a_text_that_is_not_parked_cannot_be_decided_about(clinic, now, decide):
    waiting = now_as(a_text(clinic, now, in_minutes=60)).public_id
    with pytest.raises(refusals.NotHere):
        decide(clinic_id=clinic.id, message_id=waiting, by=ALICE, now=now)


def test_sending_a_parked_text_rings_for_the_worker(app, clinic, now, parked):
    queue = app.extensions["alarms"]
    assert queue.flush()
    before = queue.huey.pending_count()
    parking.send_anyway(clinic_id=clinic.id, message_id=parked[0], by=ALICE, now=now)
    assert queue.flush() and queue.huey.pending_count() == before + 1


@pytest.mark.parametrize(
    ("columns", "state"),
    [({}, "cancelled"), ({"ever_unknown": True}, "cancelled"), ({"sid": "SM" + "a" * 32}, "cancelling")],
)
def test_a_parked_text_that_is_left_leaves_the_list_and_is_asked_back_where_twilio_has_it(clinic, now, columns, state):
    text = a_text(clinic, now, in_minutes=60)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == text).values(state="needs_review", **columns))
    parking.leave(clinic_id=clinic.id, message_id=now_as(text).public_id, by=ALICE, now=now)
    assert now_as(text).state == state
