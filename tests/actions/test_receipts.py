"""What a status of Twilio's changes, says, and when the text is looked at next."""

from types import SimpleNamespace

import pendulum
import pytest
from sqlalchemy import update

from reminder_site.actions import receipts
from reminder_site.db import transaction
from reminder_site.domain import codes
from reminder_site.domain.actor import TWILIO
from reminder_site.domain.looks import news_at
from reminder_site.domain.message_state import RANK, STATES
from reminder_site.models import Message
from tests.delivering import a_text, history, now_as

NOON = pendulum.datetime(2026, 11, 2, 12, tz="UTC")
TOO_LATE = "too late to cancel: the patient was texted"
LANDLINE = 30006


def said(state, error_code=None, *, wanted=True):
    return receipts._words(state, "scheduled", error_code, wanted=wanted)


def row(**columns):
    """A message as it stands."""
    return SimpleNamespace(**{"handed_at": None, "sid": "SM1", "send_at": NOON, "ever_unknown": True} | columns)


def a_text_that(clinic, now, state, status, **columns):
    """A text in a state, of which Twilio has told a status."""
    message_id = a_text(clinic, now, in_minutes=60, sid=f"SM{state}{status}")
    stands = {"state": state, "provider_status": status, "provider_rank": RANK.get(status, -1), **columns}
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**stands))
    return message_id


def test_only_a_text_that_reached_its_patient_was_too_late_to_cancel():
    assert {s for s in STATES if said(s, wanted=False) == TOO_LATE} == {"accepted", "sent", "delivered", "read"}
    assert TOO_LATE not in {said(s) for s in STATES}
    assert {s for s in STATES if said(s, LANDLINE) == codes.of(LANDLINE).words} == {"failed", "undelivered"}
    assert {said("cancelled", wanted=wanted) for wanted in (True, False)} == {"Twilio confirms it is cancelled"}


@pytest.mark.parametrize(
    ("state", "rank", "status", "is_news"),
    [
        ("accepted", "queued", "sent", True),
        ("accepted", "queued", "queued", False),
        ("accepted", "queued", "accepted", False),
        ("needs_review", "queued", "queued", True),
        ("needs_review", "queued", "accepted", False),
        ("needs_review", "queued", "sent", True),
    ],
)
def test_the_same_once_more_is_news_only_of_a_parked_text(state, rank, status, is_news):
    assert receipts.is_news(row(state=state, provider_rank=RANK[rank]), status) is is_news


def test_a_text_once_in_doubt_is_looked_for_again_before_it_leaves_and_only_then():
    later = row(send_at=NOON.add(hours=3))
    assert receipts._next_look(later, "scheduled", NOON)["next_action_at"] == NOON.add(hours=2, minutes=20)
    assert receipts._next_look(row(), "scheduled", NOON)["next_action_at"] == NOON
    ordinary = row(send_at=NOON.add(hours=3), ever_unknown=False)
    looks = [receipts._next_look(each, state, NOON)["next_action_at"] for each, state in
             [(ordinary, "scheduled"), (later, "accepted")]]  # fmt: skip
    assert looks == [news_at(later.send_at, NOON)] * 2


def test_a_text_left_when_twilio_got_it_but_not_before_its_time():
    early, late = NOON.subtract(hours=1), NOON.add(hours=1)
    assert receipts.left_at(row(handed_at=early), late) == NOON
    assert receipts.left_at(row(handed_at=late), late) == late
    assert receipts.left_at(row(), late) == NOON
    assert receipts.left_at(row(sid=None), late) == late


def test_a_status_within_a_state_changes_that_text_alone_and_tells_nothing(clinic, now):
    text, other = (a_text_that(clinic, now, "accepted", status) for status in ("accepted", "queued"))
    assert receipts.take_over(message_id=text, status="sending", error_code=None, by=TWILIO, now=now)
    assert [now_as(each).provider_status for each in (text, other)] == ["sending", "queued"]
    assert history(text) == ["planned"]
    assert not receipts.take_over(message_id=text, status="queued", error_code=None, by=TWILIO, now=now)


def test_a_status_that_its_state_does_not_lead_to_is_noted_of_that_text_alone(clinic, now):
    text, other = (a_text_that(clinic, now, state, "accepted") for state in ("sent", "accepted"))
    assert receipts.take_over(message_id=text, status="canceled", error_code=None, by=TWILIO, now=now)
    assert [(now_as(each).state, now_as(each).provider_status) for each in (text, other)] == [
        ("sent", "canceled"), ("accepted", "accepted"),
    ]  # fmt: skip
    assert history(text)[-1] == "Twilio reports canceled"


@pytest.mark.parametrize(
    ("wanted", "status", "becomes"),
    [(False, "scheduled", "cancelling"), (True, "scheduled", "scheduled"), (False, "accepted", "accepted")],
)
def test_what_nobody_wants_any_more_is_asked_back_as_soon_as_twilio_holds_it(clinic, now, wanted, status, becomes):
    text = a_text_that(clinic, now, "unknown", "", wanted=wanted)
    assert receipts.take_over(message_id=text, status=status, error_code=None, by=TWILIO, now=now)
    assert now_as(text).state == becomes
