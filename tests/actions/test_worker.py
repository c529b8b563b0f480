"""The worker keeps going: many texts, a database that refuses for a while, and the housekeeping between texts."""

import pytest
from sqlalchemy import select, text

from reminder_site.actions import rules
from reminder_site.db import db, migration_connection
from reminder_site.domain.actor import OPERATOR, Actor
from reminder_site.models import FormNonce, Reminder, ReminderRule
from reminder_site.queries.throttle import throttle
from reminder_site.worker import Worker
from tests import factories
from tests.appointing import at, book
from tests.delivering import a_text, at_twilio, carry_on, now_as, take_back, trouble

IN_FLIGHT = 64


@pytest.fixture(autouse=True)
def quiet_callbacks(sandbox):
    trouble(sandbox)


def here(work, *given):
    """Do a step of the worker's at once instead of on a thread."""
    return work(*given)


def renamed(table, to):
    with migration_connection() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


def test_a_worker_takes_up_more_texts_than_it_has_places_for_one_after_the_other(clinic, worker, clock, sandbox):
    for _ in range(IN_FLIGHT + 6):
        a_text(clinic, clock.now())
    for _ in range(20):
        worker.look(here)
        clock.forward(microseconds=50_000)
    assert len(at_twilio(sandbox)) == IN_FLIGHT + 6


def test_a_worker_survives_a_database_that_cannot_be_read_and_goes_on_afterwards(clinic, worker, clock, sandbox):
    a_text(clinic, clock.now())
    worker.stopping.set()  # so that it does not rest before it looks again
    renamed("message", "elsewhere")
    try:
        assert worker.look(here) == 0
    finally:
        renamed("elsewhere", "message")
    clock.forward(seconds=1)
    assert worker.look(here) == 1
    assert len(at_twilio(sandbox)) == 1


def test_a_worker_that_can_start_no_thread_goes_on_and_the_text_leaves_once(clinic, worker, clock, sandbox):
    def cannot(work, *given):
        raise RuntimeError("can't start new thread")

    trouble(sandbox)
    message_id = a_text(clinic, clock.now())
    worker.settle(limit=0)
    assert [worker.look(cannot), worker.look(cannot)] == [0, 1]
    worker._carries(-1)  # what an idle thread would have done, had there been one
    carry_on(worker, clock, minutes=10)
    assert now_as(message_id).state == "delivered" and len(at_twilio(sandbox)) == 1


def test_a_worker_plans_anew_what_a_change_of_settings_left(clinic, worker, now):
    factories.an_appointment(clinic, factories.a_patient(clinic))
    mine = ReminderRule.clinic_id == clinic.id, ReminderRule.key == "3_days"
    rule = db.session.scalars(select(ReminderRule.public_id).where(*mine)).one()
    rules.switch_rule(clinic_id=clinic.id, rule=rule, on=False, by=OPERATOR, now=now)
    worker.settle()
    db.session.rollback()
    planned = Reminder.step_key == "3_days", Reminder.wanted, Reminder.send_at.is_not(None)
    assert db.session.scalars(select(Reminder).where(*planned)).all() == []


def test_a_worker_forgets_the_forms_of_the_day_before_yesterday(clinic, worker, clock):
    alice = Actor("staff", "Alice", factories.a_staff(clinic).id)
    book(clinic, clock.now(), at(clinic, 2026, 11, 20, 9), nonce="n" * 32, by=alice)
    worker.settle()
    assert db.session.scalars(select(FormNonce.nonce)).all() == ["n" * 32]
    clock.forward(hours=24, seconds=1)
    worker.settle()
    db.session.rollback()
    assert db.session.scalars(select(FormNonce)).all() == []


def test_a_text_that_is_asked_back_from_twilio_rings_for_the_worker(app, clinic, worker, clock):
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    queue = app.extensions["alarms"]
    assert queue.flush()
    before = queue.huey.pending_count()
    take_back(message_id, clock.now())
    assert queue.flush() and queue.huey.pending_count() == before + 1


def test_an_opt_out_among_texts_that_leave_together_is_recorded_like_the_others(clinic, worker, clock):
    texts = [a_text(clinic, clock.now()), a_text(clinic, clock.now(), to_e164="+15005550004")]
    worker.settle()
    assert [now_as(message_id).state for message_id in texts] == ["accepted", "suppressed"]


def connecting_takes(app, monkeypatch, passes):
    """Let time pass whenever a line to Twilio is put up."""
    wire = app.extensions["sms"]._wire
    connected = wire._connected
    monkeypatch.setattr(wire, "_connected", lambda place: (passes(), connected(place))[1])


def test_a_worker_whose_wall_clock_stands_still_does_not_send_late(app, clinic, clock, sandbox, monkeypatch):
    stopwatch = [0.0]
    worker = Worker(app, monotonic=lambda: stopwatch[0])
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    connecting_takes(app, monkeypatch, lambda: stopwatch.append(stopwatch.pop() + 61))
    worker.look(here)
    assert (at_twilio(sandbox), now_as(message_id).sid) == ([], None)


def test_a_text_that_came_too_late_is_no_answer_of_twilios(app, clinic, worker, clock, sandbox, monkeypatch):
    trouble(sandbox, {"kind": "reset_before", "on": "create"})
    silent_since = clock.now()
    for _ in range(2):
        a_text(clinic, clock.now())
        worker.look(here)
    with monkeypatch.context() as slow:
        connecting_takes(app, slow, lambda: clock.forward(seconds=61))
        a_text(clinic, clock.now())
        worker.look(here)
    a_text(clinic, clock.now())
    worker.look(here)
    db.session.rollback()
    assert throttle().down_since == silent_since


def test_a_wall_clock_that_jumps_ahead_does_not_hurry_the_second_reading(app, clinic, clock, sandbox):
    trouble(sandbox, ("reset_before", 1))
    stopwatch = [0.0]
    worker = Worker(app, monotonic=lambda: stopwatch[0])
    message_id = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    stopwatch[0] = 150.0
    clock.forward(seconds=150)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 1)
    clock.forward(hours=1)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 1)
