"""A day that is closed over its bookings: their texts are held until each is moved or cancelled, or it opens again."""

from datetime import date

import pytest

from reminder_site.actions import clinics, replanning
from reminder_site.domain.actor import OPERATOR
from tests.appointing import at, cancel, move, texts
from tests.delivering import at_twilio, carry_on, trouble

DAY = date(2026, 11, 20)


def close(clinic, now, day=DAY):
    clinics.close_on(clinic_id=clinic.id, closed_on=day, name="Staff training", by=OPERATOR, now=now)
    replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=now)


@pytest.fixture
def at_work(booked, worker, clock, sandbox):
    """Carol's appointment on that Friday, confirmed by text, its reminders at Twilio."""
    trouble(sandbox)
    clock.forward(minutes=3)
    worker.settle()
    assert texts(booked) == ["3_days", "1_day"]
    return booked


def test_what_is_booked_on_a_day_that_is_closed_is_not_reminded_of(clinic, at_work, worker, clock, sandbox):
    close(clinic, clock.now())
    carry_on(worker, clock, minutes=2)
    assert texts(at_work) == []
    assert [text.status for text in at_twilio(sandbox) if text.send_at] == ["canceled", "canceled"]


def test_its_texts_come_again_when_the_day_is_opened_again(clinic, at_work, worker, clock):
    close(clinic, clock.now())
    worker.settle()
    clinics.open_again_on(clinic_id=clinic.id, closed_on=DAY, by=OPERATOR, now=clock.now())
    replanning.follow(clinic_id=clinic.id, by=OPERATOR, now=clock.now())
    assert texts(at_work) == ["3_days", "1_day"]


def test_whoever_is_moved_to_another_day_or_cancelled_hears_of_it(clinic, at_work, clock):
    close(clinic, clock.now())
    move(clinic, at_work, clock.now())
    assert texts(at_work) == ["moved-1", "3_days", "1_day"]
    close(clinic, clock.now().add(minutes=5), date(2026, 11, 25))
    assert texts(at_work) == []
    cancel(clinic, at_work, clock.now().add(minutes=6))
    assert texts(at_work) == ["cancelled-2"]


def test_what_is_moved_there_although_it_is_closed_is_reminded_of(clinic, at_work, clock):
    close(clinic, clock.now())
    clock.forward(minutes=1)
    move(clinic, at_work, clock.now(), time=at(clinic, 2026, 11, 20, 16, 0))
    assert texts(at_work) == ["moved-1", "3_days", "1_day"]
