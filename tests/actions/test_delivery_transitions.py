"""The one step that changes a state, against the table, on both databases: legal pairs pass, the others are refused."""

import itertools

import pytest
from sqlalchemy import update

from reminder_site.actions.outbox import move
from reminder_site.db import transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.models import Message
from tests.delivering import a_text, history, now_as


def put(message_id, state):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(state=state))


def moved(message_id, sources, to, now):
    with transaction() as session:
        return move(session, message_id, sources, to, words="tried", by=WORKER, now=now)


def test_of_256_pairs_exactly_the_legal_ones_pass(clinic, now):
    message_id = a_text(clinic, now)
    passed = set()
    for state, to in itertools.product(states.STATES, repeat=2):
        put(message_id, state)
        try:
            assert moved(message_id, {state}, to, now)
            passed.add((state, to))
        except states.IllegalTransition:
            assert now_as(message_id).state == state
    assert passed == {(state, to) for state, targets in states.MAY_BECOME.items() for to in targets}
    assert len(passed) == 80


def test_a_lost_race_changes_nothing_and_writes_no_history(clinic, now):
    message_id = a_text(clinic, now)
    before = now_as(message_id).version
    for state in states.STATES:
        put(message_id, state)
        for to in states.STATES:
            elsewhere = states.sources_of(to) - {state}
            assert not moved(message_id, elsewhere, to, now)
    assert now_as(message_id).version == before
    assert history(message_id) == ["planned"]


@pytest.mark.parametrize(("to", "finished"), [("cancelled", True), ("expired", True), ("leased", False)])
def test_an_end_is_stamped_with_its_moment(clinic, now, to, finished):
    message_id = a_text(clinic, now)
    assert moved(message_id, {"pending"}, to, now.add(minutes=1))
    assert now_as(message_id).finished_at == (now.add(minutes=1) if finished else None)
    assert now_as(message_id).version == 2
    assert history(message_id) == ["planned", "tried"]
