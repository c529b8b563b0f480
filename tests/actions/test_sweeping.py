"""Before a text leaves, or would have, twins of it are looked for; of any other text nothing is changed by that."""

import pytest
from sqlalchemy import update

from reminder_site.actions import sought, twins
from reminder_site.db import db, transaction
from reminder_site.domain.message_state import STATES
from reminder_site.gateways.sms import Remote
from reminder_site.models import Message
from tests.actions.test_bystanders import Fails, Forgets
from tests.actions.test_sought import begun, stands
from tests.delivering import a_text, history, now_as

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


def test_what_a_look_could_not_cancel_is_looked_for_again_a_minute_later(clinic, now):
    text = in_doubt(clinic, now, "scheduled")
    begun(text, now)
    wanted = sought.look_up(db.session(), text)
    about = {"sender": "", "media_count": 0, "error_code": None, "direction": "outbound-api"}
    about |= {"to": wanted.to, "messaging_service_sid": wanted.sender, "created_at": now}
    twin = Remote(sid="SM" + "b" * 32, status="scheduled", body="Elm Clinic: see you on Friday.", **about)
    stands(text, state="scheduled", sid="SM" + "a" * 32, ever_unknown=True)
    sms = Fails()
    sms.list_to = lambda to: [twin]
    twins.sweep_orphans(message_id=text, sms=sms, now=now)
    assert (now_as(text).ever_unknown, now_as(text).next_action_at) == (True, now.add(seconds=60))
    assert "could not be cancelled" in history(text)[-1]
