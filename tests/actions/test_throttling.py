"""Texts slow down when Twilio asks for it, wait while it is silent, and come back gently; with the real worker."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from reminder_site.actions import throttling
from reminder_site.db import db
from reminder_site.domain.delivery import Pace
from reminder_site.models import Attempt
from reminder_site.queries.throttle import throttle
from reminder_site.worker import Worker
from tests import factories
from tests.delivering import a_text, at_twilio, attempts, carry_on, now_as, take_back, trouble

IN_FLIGHT = 12
one_store = pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # long, and about time alone
LEFT = {"accepted", "sent", "delivered"}
PER_SECOND = 20


@pytest.fixture(autouse=True)
def quiet_callbacks(sandbox):
    trouble(sandbox)


@pytest.fixture
def narrow(worker):
    """The worker, with fewer texts in flight: a silent Twilio leaves fewer in the air."""
    worker.settings = replace(worker.settings, texts_in_flight=IN_FLIGHT)
    return worker


def standing():
    db.session.rollback()
    return throttle()


def a_second(clock, *workers):
    """Let a second pass as it does for throttled workers, who look four times."""
    for _ in range(4):
        clock.forward(microseconds=250_000)
        for worker in workers:
            worker.settle()


def still_here(texts):
    return sum(now_as(m).state not in LEFT for m in texts)


def test_after_a_429_the_others_leave_at_the_gentle_rate(clinic, worker, clock, sandbox):
    trouble(sandbox, ("rate_limit_429", 1))
    first = a_text(clinic, clock.now())
    worker.settle()
    assert attempts(first) == ["not_created"]
    texts = [a_text(clinic, clock.now()) for _ in range(4 * PER_SECOND)]
    worker.settle()
    assert still_here(texts) == len(texts)
    for second in range(1, 4):
        a_second(clock, worker)
        assert still_here(texts) == len(texts) - second * PER_SECOND
    carry_on(worker, clock, minutes=1.5)
    assert standing().is_free(clock.now())
    assert len(at_twilio(sandbox)) == len(texts) + 1


def test_what_is_not_about_to_leave_is_looked_at_all_the_same(clinic, worker, clock, sandbox):
    handed_over = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    throttling.slow_down(now=clock.now())
    waiting = a_text(clinic, clock.now().subtract(minutes=1))
    take_back(handed_over, clock.now())
    worker.settle()
    assert (now_as(handed_over).state, now_as(waiting).state) == ("cancelled", "pending")


@one_store
def test_a_silent_twilio_is_noticed_after_ten_texts_and_the_others_wait_untouched(clinic, narrow, clock, sandbox):
    trouble(sandbox, *({"kind": "reset_before", "on": on} for on in ("create", "list", "fetch")))
    began = clock.now()
    texts = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(60)]
    narrow.settle()
    tried = [m for m in texts if attempts(m)]
    assert 10 <= len(tried) <= IN_FLIGHT + 10
    assert (standing().down_since, standing().allowance(64, clock.now())) == (began, 0)
    carry_on(narrow, clock, minutes=10)
    assert len([m for m in texts if attempts(m)]) == len(tried)
    assert at_twilio(sandbox) == []
    trouble(sandbox)
    carry_on(narrow, clock, minutes=1, step_seconds=5)
    assert standing().down_since is None
    carry_on(narrow, clock, minutes=5)
    assert still_here(texts) == 0
    assert len(at_twilio(sandbox)) == len(texts)
    assert standing().is_free(clock.now())


@one_store
def test_when_questions_are_answered_but_texts_are_not_one_at_a_time_tries(clinic, narrow, clock, sandbox):
    trouble(sandbox, {"kind": "error_before", "on": "create"})
    texts = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(60)]
    narrow.settle()
    at_first = db.session.scalar(select(Attempt.id).order_by(Attempt.id.desc()).limit(1))
    db.session.rollback()
    carry_on(narrow, clock, minutes=30)
    tries = db.session.scalar(select(Attempt.id).order_by(Attempt.id.desc()).limit(1)) - at_first
    assert 5 <= tries <= 5 + 30 / 5
    trouble(sandbox)
    carry_on(narrow, clock, minutes=8)
    assert still_here(texts) == 0
    assert len(at_twilio(sandbox)) == len(texts)


def test_what_has_become_useless_meanwhile_expires_though_nothing_may_leave(clinic, worker, clock, sandbox):
    throttling.fall_silent(since=clock.now(), why="no line", pace=Pace(), now=clock.now())
    trouble(sandbox, {"kind": "reset_before", "on": "list"})
    texts = [a_text(clinic, clock.now(), useful_minutes=60) for _ in range(30)]
    carry_on(worker, clock, minutes=61, step_seconds=60)
    assert {now_as(m).state for m in texts} == {"expired"}
    assert standing().down_since is not None


@one_store
def test_an_unclear_text_is_not_given_up_while_twilio_is_silent(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1), {"kind": "reset_before", "on": "list"})
    text = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    throttling.fall_silent(since=clock.now(), why="no line", pace=Pace(), now=clock.now())
    carry_on(worker, clock, minutes=90, step_seconds=60)
    assert now_as(text).state == "unknown"
    trouble(sandbox)
    carry_on(worker, clock, minutes=5)
    assert now_as(text).state in LEFT


def test_a_worker_that_had_stood_still_does_not_take_twilio_for_silent(clinic, worker, clock, sandbox):
    may_leave = worker.handing_over.fence
    worker.handing_over.fence = lambda *begun: lambda: False
    for _ in range(15):
        a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    worker.handing_over.fence = may_leave
    assert standing().is_free(clock.now())


def test_two_workers_share_one_throttle(clinic, worker, clock, app):
    throttling.slow_down(now=clock.now())
    texts = [a_text(clinic, clock.now()) for _ in range(3 * PER_SECOND)]
    other = Worker(app, monotonic=clock.monotonic)
    for _ in range(2):
        a_second(clock, worker, other)
    assert still_here(texts) == PER_SECOND


@one_store
@pytest.mark.parametrize("blocked", [0, 1, 20])
def test_the_first_try_after_an_outage_belongs_to_a_text_that_really_leaves(clinic, worker, clock, sandbox, blocked):
    full = factories.a_clinic("Oak Clinic", daily_cap=1)
    for _ in range(1 + blocked):
        a_text(full, clock.now(), useful_minutes=3000)
    worker.settle()
    carry_on(worker, clock, minutes=1)
    throttling.fall_silent(since=clock.now(), why="trial", pace=worker.pace, now=clock.now())
    trouble(sandbox, *({"kind": "reset_before", "on": on} for on in ("create", "list", "fetch")))
    carry_on(worker, clock, minutes=20)
    good = a_text(clinic, clock.now(), useful_minutes=3000)
    trouble(sandbox)
    carry_on(worker, clock, minutes=1)
    assert now_as(good).state in LEFT and standing().down_since is None


@one_store
def test_a_question_that_is_answered_again_before_a_text_tried_makes_no_wait_longer(clinic, worker, clock, sandbox):
    throttling.fall_silent(since=clock.now(), why="trial", pace=worker.pace, now=clock.now())
    for _ in range(8):
        carry_on(worker, clock, minutes=1)
    assert (standing().failed_tries, standing().level) == (1, 1.0)
