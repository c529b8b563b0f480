"""The clinic's daily limit counts what reaches phones on one day there, whoever hands it over and when."""

import threading

import pendulum
import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import intents, leasing, receipts
from reminder_site.db import db, transaction
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import Pace
from reminder_site.models import Clinic, Message
from reminder_site.worker import Worker
from tests.delivering import a_text, at_twilio, carry_on, now_as, take_back, trouble

DAY = 24 * 60


@pytest.fixture(autouse=True)
def three_a_day(clinic, sandbox):
    trouble(sandbox)
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=3))


def on_their_way():
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(Message.reaches_at.is_not(None)))


def test_texts_for_another_day_take_no_room_from_todays(clinic, worker, clock, sandbox):
    for _ in range(3):
        a_text(clinic, clock.now(), in_minutes=20 * DAY)
    worker.settle()
    urgent = a_text(clinic, clock.now())
    worker.settle()
    assert now_as(urgent).state == "accepted" and len(at_twilio(sandbox)) == 4


def test_a_day_in_three_weeks_is_full_with_its_own_texts(clinic, worker, clock, sandbox):
    far = [a_text(clinic, clock.now(), in_minutes=20 * DAY + n) for n in range(4)]
    worker.settle()
    assert [now_as(each).state for each in far] == ["scheduled", "scheduled", "scheduled", "pending"]
    assert now_as(far[3]).waits_for == "daily_limit"
    take_back(far[0], clock.now())
    carry_on(worker, clock, minutes=20)
    assert now_as(far[3]).state == "scheduled"


def test_the_day_is_the_clinics_own(clinic, worker, clock, sandbox):
    before_midnight = pendulum.datetime(2026, 11, 4, 23, 50, tz="America/New_York")
    minutes = int((before_midnight - clock.now()).total_seconds() // 60)
    evening = [a_text(clinic, clock.now(), in_minutes=minutes + n, kind="staff") for n in range(3)]
    morning = [a_text(clinic, clock.now(), in_minutes=minutes + 20 + n, kind="staff") for n in range(3)]
    worker.settle()
    assert {now_as(each).state for each in [*evening, *morning]} == {"scheduled"}


def test_a_text_refused_at_creation_gives_its_place_back(clinic, worker, clock, sandbox):
    refused = a_text(clinic, clock.now(), to_e164="+15005550001")
    worker.settle()
    assert now_as(refused).state == "failed"
    for _ in range(3):
        a_text(clinic, clock.now())
    worker.settle()
    assert len(at_twilio(sandbox)) == 3


def test_two_workers_together_do_not_pass_it(app, clinic, clock):
    ids = [a_text(clinic, clock.now()) for _ in range(12)]
    owners = [Worker(app).owner for _ in range(2)]
    for owner in owners:
        taken = leasing.lease(owner=owner, limit=6, may_leave=6, pace=Pace(), now=clock.now())
        assert len(taken) == 6
    together, mine = threading.Barrier(2), {owner: leased_by(owner, ids) for owner in owners}

    def decide(owner):
        with app.app_context():
            together.wait(20)
            decided = intents.intend(
                ids=mine[owner], owner=owner, process=owner, pace=Pace(), held=False, now=clock.now()
            )
            for message_id in set(mine[owner]) - set(decided):
                intents.intend(ids=[message_id], owner=owner, process=owner, pace=Pace(), held=False, now=clock.now())

    threads = [threading.Thread(target=decide, args=(owner,)) for owner in owners]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert on_their_way() == 3


def leased_by(owner, ids):
    db.session.rollback()
    return list(db.session.scalars(select(Message.id).where(Message.id.in_(ids), Message.lease_owner == owner)))


def test_a_text_of_another_day_makes_no_room_on_a_full_one_and_stays(clinic, worker, clock, sandbox):
    trouble(sandbox)
    day, number = 24 * 60, "+12125550801"
    old = a_text(clinic, clock.now(), in_minutes=5 * day, to_e164=number)
    for minute in range(2):
        a_text(clinic, clock.now(), in_minutes=6 * day + minute)
    worker.settle()
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=2))
    new = a_text(clinic, clock.now(), in_minutes=6 * day, to_e164=number, replaces_id=old)
    carry_on(worker, clock, minutes=3)
    assert (now_as(new).state, now_as(old).state) == ("pending", "scheduled")


@pytest.mark.parametrize(("status", "counts"), [("delivered", 1), ("scheduled", 1), ("canceled", 0)])
def test_a_text_that_is_found_at_twilio_takes_its_place_in_the_day(clinic, clock, status, counts):
    found = a_text(clinic, clock.now(), in_minutes=30)
    receipts.take_over(
        message_id=found, status=status, error_code=None, sid="SM" + "a" * 32, by=WORKER, now=clock.now()
    )
    assert on_their_way() == counts
