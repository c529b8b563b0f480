"""Which text at Twilio may be ours, whose it is, and whether another message still waits for one like it."""

import pendulum
import pytest
from sqlalchemy import update

from reminder_site.actions import intents, sought
from reminder_site.actions.sought import Sought
from reminder_site.db import db, transaction
from reminder_site.domain.delivery import Pace
from reminder_site.domain.message_state import STATES
from reminder_site.gateways.sms import Remote
from reminder_site.models import Attempt, Message
from tests.delivering import a_text, now_as

NOON = pendulum.datetime(2026, 11, 2, 12, tz="UTC")
PHONE, SID = "+12125550142", "SM" + "a" * 32
ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}


def stands(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**columns))


def begun(message_id, now):
    """Hand a text over once more."""
    stands(message_id, state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    assert intents.intend(ids=[message_id], now=now, **ME)[message_id]


def ended(message_id, attempt_no, outcome, **columns):
    this = Attempt.message_id == message_id, Attempt.attempt_no == attempt_no
    with transaction() as session:
        session.execute(update(Attempt).where(*this).values(outcome=outcome, **columns))


@pytest.mark.parametrize(("seconds", "ours"), [(-361, False), (-360, True), (0, True), (480, True), (481, False)])
def test_a_text_may_be_ours_if_it_was_made_while_an_attempt_may_have_been_under_way(clinic, seconds, ours):
    message_id = a_text(clinic, NOON)
    begun(message_id, NOON)
    wanted = sought.look_up(db.session(), message_id)
    about = {"sender": "", "media_count": 0, "error_code": None, "direction": "outbound-api"}
    words, made_at = "Elm Clinic: see you on Friday.", NOON.add(seconds=seconds)
    about |= {"to": now_as(message_id).to_e164, "messaging_service_sid": wanted.sender}
    remote = Remote(sid=SID, status="sent", body=words, created_at=made_at, **about)
    assert sought.matches(remote, wanted) is ours


def test_what_is_sought_is_the_latest_attempt_and_all_that_may_have_made_a_text(clinic, now):
    message_id, later = a_text(clinic, now, in_minutes=60), [now.add(minutes=minutes) for minutes in range(4)]
    for at in later:
        begun(message_id, at)
    for number, outcome in enumerate(["refused", "not_created", "unknown"], 1):
        ended(message_id, number, outcome)
    found = sought.look_up(db.session(), message_id)
    assert isinstance(found, Sought)
    assert (found.attempt_no, found.intent_at, sorted(found.tried_at)) == (4, later[3], later[2:])
    stands(message_id, attempt_no=2)
    assert sought.look_up(db.session(), message_id).intent_at == later[1]


def test_a_text_is_owned_by_the_message_or_the_attempt_that_has_it(clinic, now):
    one, other, third = (a_text(clinic, now) for _ in range(3))
    begun(one, now)
    session = db.session()
    assert not sought.owned(session, SID, besides=other)
    ended(one, 1, "created", sid=SID)
    assert [sought.owned(session, SID, besides=each) for each in (one, other)] == [False, True]
    stands(third, sid="SM" + "b" * 32)
    assert [sought.owned(session, "SM" + "b" * 32, besides=each) for each in (third, other)] == [False, True]
    assert not sought.owned(session, "SM" + "c" * 32, besides=other)


@pytest.mark.parametrize("state", STATES)
def test_a_listed_text_may_be_that_of_another_unclear_one_to_the_number(clinic, now, state):
    this, other = (a_text(clinic, now, to_e164=PHONE) for _ in range(2))
    stands(other, state=state, ever_unknown=True)
    expected = state in {"submitting", "unknown", "needs_review"}
    assert sought.awaited(db.session(), this, now) is expected
    assert not sought.awaited(db.session(), a_text(clinic, now), now), "another number"


@pytest.mark.parametrize(
    ("hours", "columns", "expected"),
    [(0, {}, True), (0, {"sid": SID}, False), (0, {"ever_unknown": False}, False), (-73, {}, False), (-71, {}, True)],
)
def test_a_parked_one_is_awaited_for_as_long_as_its_text_may_show(clinic, now, hours, columns, expected):
    this, other = (a_text(clinic, now, to_e164=PHONE) for _ in range(2))
    parked = {"state": "needs_review", "ever_unknown": True, "send_at": now.add(hours=hours)}
    stands(other, **parked | columns)
    assert sought.awaited(db.session(), this, now) is expected


def test_no_text_waits_for_itself(clinic, now):
    this = a_text(clinic, now)
    stands(this, state="unknown")
    assert not sought.awaited(db.session(), this, now)
