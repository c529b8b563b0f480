"""Counts only grow, say the same whether a worker has kept them or not, and take each row once."""

import threading

import pytest
from sqlalchemy import select, update

from reminder_site.actions import tallies
from reminder_site.db import db, transaction
from reminder_site.domain.tallies import INBOUND, REQUESTS, SIGN_IN, TEXTS, label_of
from reminder_site.models import Attempt, InboundMessage, SignInTry, Tally
from reminder_site.queries import tallies as found
from tests.delivering import a_text, trouble

CREATED = REQUESTS, label_of("create", "created")
ACCEPTED = TEXTS, label_of("reminder", "accepted")


@pytest.fixture
def sent(clinic, worker, clock, sandbox):
    """Send so many texts, one after the other."""
    trouble(sandbox)

    def send(number):
        for _ in range(number):
            a_text(clinic, clock.now())
            worker.settle()
            clock.forward(seconds=20)
        db.session.rollback()

    return send


def counted(clock):
    db.session.rollback()
    counts = found.counted(now=clock.now())
    return {key: amount for key, amount in counts.items() if key[0] != found.MARK}


def marks():
    db.session.rollback()
    return dict(db.session.execute(select(Tally.label, Tally.amount).where(Tally.name == found.MARK)).all())


def test_counts_are_the_same_before_and_after_they_are_kept(sent, clock):
    sent(3)
    before = counted(clock)
    assert before[CREATED] == before[ACCEPTED] == 3
    assert tallies.carry_on(now=clock.now()) == 0, "nothing is settled yet"
    clock.forward(minutes=2)
    assert tallies.carry_on(now=clock.now()) > 0
    assert counted(clock) == before and marks()["attempts"] == 3
    assert tallies.carry_on(now=clock.now()) == 0


def test_what_is_settled_is_kept_and_the_rest_counted_when_asked(sent, clock):
    sent(2)
    clock.forward(minutes=2)
    sent(2)
    tallies.carry_on(now=clock.now())
    assert marks()["attempts"] == 2 and counted(clock)[CREATED] == 4


def test_more_than_fits_into_one_go_is_counted_by_and_by(sent, clock, monkeypatch):
    sent(5)
    clock.forward(minutes=2)
    before = counted(clock)
    monkeypatch.setattr(found, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(tallies, "ROUNDS", 1)
    assert counted(clock)[CREATED] == 2
    for kept in (2, 4, 5):
        tallies.carry_on(now=clock.now())
        assert marks()["attempts"] == kept
    while tallies.carry_on(now=clock.now()):
        pass
    assert counted(clock) == before


def test_a_text_that_comes_back_to_a_state_is_counted_there_once(clinic, worker, clock, sandbox):
    trouble(sandbox, {"kind": "rate_limit_429", "next": 1, "retry_after": 5})
    a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    clock.forward(seconds=30)
    worker.settle()
    counts = counted(clock)
    assert counts[TEXTS, label_of("reminder", "submitting")] == counts[ACCEPTED] == 1
    assert counts[REQUESTS, label_of("create", "not_created")] == counts[CREATED] == 1


def test_several_who_count_at_once_count_each_row_once(app, sent, clock):
    sent(4)
    clock.forward(minutes=2)
    before, now = counted(clock), clock.now()
    db.session.remove()

    def count():
        with app.app_context():
            tallies.carry_on(now=now)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(clock) == before and marks()["attempts"] == 4


def test_a_try_to_sign_in_is_counted_once_it_is_certain_how_it_ended(app, clock):
    with transaction() as session:
        session.add(SignInTry(account_hash="a", address_hash="b", tried_at=clock.now(), succeeded=False))
    assert counted(clock) == {}
    with transaction() as session:
        session.execute(update(SignInTry).values(succeeded=True))
    clock.forward(seconds=6)
    assert counted(clock) == {(SIGN_IN, "right"): 1}


def test_an_attempt_that_is_still_under_way_is_not_counted(clinic, clock):
    message_id = a_text(clinic, clock.now())
    with transaction() as session:
        session.add(Attempt(message_id=message_id, attempt_no=1, token_hash="x", intent_at=clock.now(), process="w",
                            route="local"))  # fmt: skip
    assert REQUESTS not in {name for name, _ in counted(clock)}


def test_a_text_found_late_is_settled_from_when_it_was_found(clock):
    long_ago = clock.now().subtract(hours=3)
    with transaction() as session:
        session.add(InboundMessage(sid="SM1", from_e164="+12125550142", to="x", body="1", understood="confirm",
                                   received_at=long_ago, found_at=clock.now()))  # fmt: skip
    assert tallies.carry_on(now=clock.now()) == 0 and counted(clock) == {(INBOUND, "confirm"): 1}
    clock.forward(minutes=3)
    assert tallies.carry_on(now=clock.now()) == 1 and counted(clock) == {(INBOUND, "confirm"): 1}


def test_a_worker_keeps_the_counts(sent, worker, clock):
    sent(1)
    clock.forward(minutes=2, seconds=1)
    worker.housekeeping.keep()
    assert marks()["attempts"] == 1
