"""Before a text leaves, or would have, twins of it are looked for; of any other text nothing is changed by that."""

import pytest
from sqlalchemy import update

from reminder_site.actions import twins
from reminder_site.db import transaction
from reminder_site.domain.message_state import STATES
from reminder_site.models import Message
from tests.actions.test_bystanders import Fails, Forgets
from tests.delivering import a_text, now_as

SWEPT = {"scheduled", "cancelled", "suppressed"}


def in_doubt(clinic, now, state, minutes=60):
    """A text in a state that was once in doubt, and that its worker looks at just now."""
    text = a_text(clinic, now, in_minutes=minutes)
    stands = {"state": state, "ever_unknown": True, "next_action_at": now, "lease_until": now.add(minutes=2)}
    with transaction() as session:
        session.execute(update(Message).where(Message.id == text).values(**stands))
    return text


@pytest.mark.parametrize("state", STATES)
def test_where_no_twin_is_found_the_doubt_is_over(clinic, now, state):
    text = in_doubt(clinic, now, state)
    twins.sweep_orphans(message_id=text, sms=Forgets(), now=now)
    after = now_as(text)
    assert (after.ever_unknown, after.lease_until is None) == (state not in SWEPT, state in SWEPT)
    asked_at = now.add(minutes=62) if state == "scheduled" else None
    assert after.next_action_at == (asked_at if state in SWEPT else now)


@pytest.mark.parametrize(("minutes", "again"), [(60, True), (-9, True), (-10, False)])
@pytest.mark.parametrize("state", sorted(SWEPT))
def test_a_look_that_fails_is_made_again_until_ten_minutes_after_the_text_left(clinic, now, state, minutes, again):
    text = in_doubt(clinic, now, state, minutes)
    twins._sweep_again(text, now.add(seconds=60), 1, now)
    after = now_as(text)
    assert (after.ever_unknown, after.failures) == (again, int(again))
    assert after.next_action_at == (now.add(seconds=60) if again else now if state == "scheduled" else None)


@pytest.mark.parametrize("state", sorted(set(STATES) - SWEPT))
def test_a_look_that_fails_changes_nothing_of_what_is_elsewhere_by_now(clinic, now, state):
    text = in_doubt(clinic, now, state)
    twins.sweep_orphans(message_id=text, sms=Fails(), now=now)
    assert (now_as(text).failures, now_as(text).next_action_at) == (0, now)
