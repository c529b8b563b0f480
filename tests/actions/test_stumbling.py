"""A text that something goes wrong with is looked at again ever later, and in the end by a person."""

import pytest
from sqlalchemy import update

from reminder_site.actions import delivery
from reminder_site.db import transaction
from reminder_site.domain.message_state import STATES
from reminder_site.models import Message
from tests.delivering import a_text, now_as

PARKED = {"pending", "leased", "scheduled", "cancelling"}


def stumbles(clinic, now, state, failures=4, **columns):
    """A text in a state, with which something goes wrong once more."""
    message_id = a_text(clinic, now, in_minutes=60)
    stands = {"state": state, "failures": failures, "next_action_at": now, **columns}
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**stands))
    delivery.stumble(message_id=message_id, words="it cannot be read", now=now)
    return now_as(message_id)


def test_what_waits_here_and_what_twilio_holds_is_shown_to_a_person_after_five_times(clinic, now):
    after = {state: stumbles(clinic, now, state) for state in STATES}
    assert {state for state, text in after.items() if state != text.state} == PARKED
    assert {after[state].state for state in PARKED} == {"needs_review"}
    assert {after[state].failures for state in set(STATES) - PARKED} == {5}


def test_until_then_it_is_looked_at_again_ever_later(clinic, now):
    waits = [
        (stumbles(clinic, now, "unknown", failures=failures).next_action_at - now).total_seconds()
        for failures in (0, 1, 3, 4, 9, 12)
    ]
    assert waits == [5, 10, 40, 80, 2560, 3600]
    assert stumbles(clinic, now, "pending", failures=3).state == "pending"


@pytest.mark.parametrize(
    ("state", "doubtful", "absent_reads", "looked_for"),
    [
        ("pending", False, 0, False),
        ("pending", True, 1, True),
        ("pending", True, 2, False),
        ("leased", True, 0, True),
        ("scheduled", False, 2, True),
    ],
)
def test_a_parked_text_is_looked_for_unless_twilio_cannot_have_it(
    clinic, now, state, doubtful, absent_reads, looked_for
):
    text = stumbles(clinic, now, state, ever_unknown=doubtful, absent_reads=absent_reads)
    assert (text.state, text.next_action_at is not None) == ("needs_review", looked_for)


def test_a_text_that_was_settled_meanwhile_and_every_other_text_stay_as_they_are(clinic, now):
    other = a_text(clinic, now, in_minutes=60)
    before = now_as(other)
    before = before.failures, before.next_action_at
    assert stumbles(clinic, now, "delivered", next_action_at=None).failures == 4
    stumbles(clinic, now, "unknown")
    assert (now_as(other).failures, now_as(other).next_action_at) == before
