"""The last look before a text leaves: what stops it, where it goes instead, and the reason that is shown."""

from datetime import date, time

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import opt_outs
from reminder_site.db import db, transaction
from reminder_site.domain.actor import PATIENT
from reminder_site.models import Attempt, Clinic, ClosedDay, Message, OptOut, Patient
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, at_twilio, attempts, carry_on, heart, history, now_as, trouble

LEFT = {"accepted", "sent", "delivered"}


def change(table, **values):
    with transaction() as session:
        session.execute(update(table).values(**values))


def test_a_text_that_came_too_late_to_be_of_use_expires(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now(), in_minutes=5, useful_minutes=30)
    worker.settle()
    clock.forward(minutes=35)
    worker.settle()
    assert (now_as(message_id).state, at_twilio(sandbox)) == ("expired", [])
    assert now_as(message_id).state_why == "not sent: by now it would come too late to be of use"


def test_the_last_useful_second_is_used(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now(), in_minutes=5, useful_minutes=30)
    clock.forward(minutes=35, seconds=-1)
    worker.settle()
    assert now_as(message_id).state in LEFT
    assert len(at_twilio(sandbox)) == 1


def test_nothing_leaves_to_a_number_that_opted_out_and_no_reply_either(clinic, worker, clock, sandbox):
    with transaction() as session:
        session.add(OptOut(e164="+12125550142", sender=MESSAGING_SERVICE_SID, source="text", started_at=clock.now()))
    reminder = a_text(clinic, clock.now(), to_e164="+12125550142")
    reply = a_text(clinic, clock.now(), to_e164="+12125550142", kind="reply")
    worker.settle()
    for text in (reminder, reply):
        assert (now_as(text).state, now_as(text).state_why) == (
            "suppressed",
            "not sent: this number has opted out of texts",
        )
    assert at_twilio(sandbox) == []


def test_stop_leaves_nothing_to_send_and_nothing_scheduled(clinic, worker, clock, sandbox):
    trouble(sandbox)
    texts = [a_text(clinic, clock.now(), in_minutes=m, to_e164="+12125550142") for m in (5, 60, 600)]
    worker.settle()
    with transaction() as session:
        opt_outs.start(
            session, "+12125550142", MESSAGING_SERVICE_SID, word="STOP", source="text", by=PATIENT, now=clock.now()
        )
    worker.settle()
    assert {now_as(m).state for m in texts} == {"cancelled"}
    assert {m.status for m in at_twilio(sandbox)} == {"canceled"}


def test_a_number_that_was_changed_is_not_texted_any_more(clinic, worker, clock, sandbox):
    carol = factories.a_patient(clinic, phone_e164="+12125550142")
    message_id = a_text(clinic, clock.now(), in_minutes=5, patient_id=carol.id, to_e164="+12125550142")
    change(Patient, phone_e164="+12125550143")
    carry_on(worker, clock, minutes=6)
    assert (now_as(message_id).state, at_twilio(sandbox)) == ("cancelled", [])
    assert "another number" in now_as(message_id).state_why


@pytest.mark.parametrize(("kind", "state"), [("reminder", "cancelled"), ("notice", "cancelled"), ("staff", "accepted")])
def test_a_patient_without_reminders_gets_nothing_that_a_plan_brings(clinic, worker, clock, sandbox, kind, state):
    carol = factories.a_patient(clinic, phone_e164="+12125550142", reminders_on=False)
    message_id = a_text(clinic, clock.now(), kind=kind, patient_id=carol.id, to_e164="+12125550142")
    trouble(sandbox)
    worker.settle()
    assert now_as(message_id).state == state


def test_a_clinic_that_switched_texting_off_sends_nothing_until_it_is_on(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now())
    change(Clinic, texting_on=False)
    carry_on(worker, clock, minutes=20)
    assert (now_as(message_id).state, now_as(message_id).state_why) == (
        "pending",
        "texting is switched off for this clinic",
    )
    change(Clinic, texting_on=True)
    carry_on(worker, clock, minutes=16)
    assert now_as(message_id).state in LEFT


def test_the_daily_cap_holds_texts_back_but_never_a_reply(clinic, worker, clock, sandbox):
    change(Clinic, daily_cap=3)
    texts = [a_text(clinic, clock.now(), useful_minutes=2000) for _ in range(5)]
    reply = a_text(clinic, clock.now(), kind="reply")
    worker.settle()
    assert len(at_twilio(sandbox)) == 4
    held = [now_as(m) for m in texts if now_as(m).state == "pending"]
    assert {m.state_why for m in held} == {"waiting: the clinic's limit of 3 texts a day is reached"}
    assert (len(held), now_as(reply).state) == (2, "accepted")
    db.session.rollback()  # a transaction that stands open for a day of work is ended by PostgreSQL
    carry_on(worker, clock, minutes=24 * 60, step_seconds=900)
    carry_on(worker, clock, minutes=15, step_seconds=900)
    assert len(at_twilio(sandbox)) == 6


def test_a_reminder_held_up_into_the_night_waits_for_the_morning(clinic, worker, clock, sandbox):
    change(Clinic, quiet_opens=time(9), quiet_closes=time(19), texting_on=False)
    evening = clock.now().add(hours=9)  # 6 pm in New York
    late = a_text(clinic, evening, useful_minutes=18 * 60)
    notice = a_text(clinic, evening, useful_minutes=18 * 60, kind="notice")
    clock.set(evening.add(hours=2))
    change(Clinic, texting_on=True)
    worker.settle()
    assert (now_as(late).state, now_as(notice).state) == ("pending", "accepted")
    assert now_as(late).state_why == "late, and it is quiet hours: waits for the next opening"
    assert now_as(late).next_action_at == evening.add(hours=15)
    clock.set(evening.add(hours=15))
    worker.settle()
    assert now_as(late).state in LEFT


@pytest.mark.parametrize("kind", ["notice", "staff"])
def test_what_answers_somebodys_doing_waits_for_eight_when_it_is_late_at_night(clinic, worker, clock, sandbox, kind):
    change(Clinic, quiet_opens=time(9), quiet_closes=time(19), texting_on=False)
    evening = clock.now().add(hours=11)  # 8 pm in New York
    late = a_text(clinic, evening, useful_minutes=24 * 60, kind=kind)
    clock.set(evening.add(hours=5, minutes=42))
    change(Clinic, texting_on=True)
    worker.settle()
    assert (now_as(late).state, now_as(late).waits_for) == ("pending", "quiet_hours")
    assert now_as(late).next_action_at == evening.add(hours=12)
    clock.set(evening.add(hours=12))
    worker.settle()
    assert now_as(late).state in LEFT


def test_a_confirmation_keeps_to_the_hours_of_what_answers_somebody(clinic, worker, clock, sandbox):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), now=clock.now())
    change(Clinic, texting_on=False)
    clock.forward(hours=16)  # 1 am in New York
    change(Clinic, texting_on=True)
    carry_on(worker, clock, minutes=20)
    first = db.session.scalar(
        select(Message).where(Message.appointment_id == visit.id).order_by(Message.send_at).limit(1)
    )
    assert (first.waits_for, first.next_action_at.in_timezone("America/New_York").hour) == ("quiet_hours", 8)


def test_a_late_reminder_does_not_ring_on_a_closed_day(clinic, worker, clock, sandbox):
    with transaction() as session:
        session.add(ClosedDay(clinic_id=clinic.id, closed_on=date(2026, 11, 3), name="Party"))
    change(Clinic, texting_on=False)
    late = a_text(clinic, clock.now(), useful_minutes=72 * 60)
    clock.forward(hours=24)
    change(Clinic, texting_on=True)
    carry_on(worker, clock, minutes=16)
    assert now_as(late).next_action_at.in_timezone("America/New_York").isoformat()[:16] == "2026-11-04T09:00"


def test_a_reminder_of_no_use_in_the_morning_rings_at_night_all_the_same(clinic, worker, clock, sandbox):
    change(Clinic, texting_on=False)
    evening = clock.now().add(hours=9)
    late = a_text(clinic, evening, useful_minutes=4 * 60)
    clock.set(evening.add(hours=2))
    change(Clinic, texting_on=True)
    worker.settle()
    assert now_as(late).state in LEFT


def test_a_clinic_without_a_messaging_service_sends_at_the_time_and_schedules_nothing(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now(), in_minutes=60, sender="+15005550006")
    worker.settle()
    assert (now_as(message_id).state, at_twilio(sandbox)) == ("pending", [])
    clock.forward(minutes=60)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).route) == ("accepted", "local")
    assert [m.send_at for m in at_twilio(sandbox)] == [None]


def test_a_row_that_cannot_be_worked_on_is_parked_and_the_others_leave(clinic, worker, clock, sandbox):
    nowhere = factories.a_clinic("Oak Clinic", time_zone="Nowhere/At all")
    poison = a_text(nowhere, clock.now(), in_minutes=-20, useful_minutes=600)
    others = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(20)]
    carry_on(worker, clock, minutes=6)
    assert all(now_as(m).state in LEFT for m in others)
    assert (now_as(poison).state, now_as(poison).failures) == ("needs_review", 5)
    assert now_as(poison).state_why.startswith("something went wrong here: ")
    assert attempts(poison) == []


def test_a_waiting_text_says_nothing_new_in_its_history(clinic, worker, clock):
    message_id = a_text(clinic, clock.now(), in_minutes=15)
    carry_on(worker, clock, minutes=10, step_seconds=60)
    assert history(message_id) == ["planned"]
    assert db.session.scalar(select(func.count()).select_from(Attempt)) == 0
    assert heart().beat_at == clock.now()
