"""Our ledger beside Twilio's lists: every difference is named, and put right where that needs no person."""

import pytest
from sqlalchemy import select

from reminder_site.actions import reconciling
from reminder_site.db import db
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.sms import SmsError
from reminder_site.models import Audit
from tests.delivering import a_text, at_twilio, heart, now_as, trouble

SID = "SM" + "a" * 32


@pytest.fixture
def sms(app):
    return app.extensions["sms"]


@pytest.fixture
def handed(app, clinic, worker, clock, sandbox):
    """A text scheduled at Twilio, and ten minutes gone by."""
    trouble(sandbox)
    message_id = a_text(clinic, clock.now(), in_minutes=120)
    worker.settle()
    clock.forward(minutes=11)
    return message_id


def compared(sms, clock):
    return reconciling.compare(sms=sms, now=clock.now())


def fixed(sms, clock):
    now = clock.now()
    return [reconciling.put_right(difference=d, sms=sms, by=OPERATOR, now=now) for d in compared(sms, clock)]


def tamper(sandbox, **changes):
    (text,) = at_twilio(sandbox)[:1]
    for name, value in changes.items():
        setattr(text, name, value)
    sandbox.exchange.store.update(text)


def a_copy(sandbox, *, sids=(SID,), **changes):
    text = at_twilio(sandbox)[0]
    fields = {name: getattr(text, name) for name in text.__slots__}
    with sandbox.exchange.store.transaction():
        for sid in sids:
            sandbox.exchange.store.add(type(text)(**fields | {"sid": sid} | changes))


def test_where_all_agrees_nothing_is_named(handed, sms, clock):
    assert compared(sms, clock) == []
    assert (heart().drift_count, heart().drift_checked_at) == (0, clock.now())


def test_a_status_we_missed_is_named_counted_and_taken_over(handed, sms, clock, sandbox):
    tamper(sandbox, status="undelivered", error_code=30003)
    (found,) = compared(sms, clock)
    assert (found.kind, found.here, found.there) == ("status differs", "scheduled", "undelivered")
    assert found.last_digits == now_as(handed).to_e164[-2:] and heart().drift_count == 1
    assert fixed(sms, clock) == ["taken over"]
    assert (now_as(handed).state, now_as(handed).error_code) == ("undelivered", 30003)
    assert compared(sms, clock) == [] and heart().drift_count == 0


def test_a_text_that_others_cancelled_is_named_so_and_planned_anew(handed, sms, clock, sandbox):
    tamper(sandbox, status="canceled")
    (found,) = compared(sms, clock)
    assert (found.kind, found.here, found.there) == ("cancelled there", "scheduled", "canceled")
    assert fixed(sms, clock) == ["taken over"]
    assert (now_as(handed).state, now_as(handed + 1).replaces_id) == ("cancelled", handed)


def test_a_text_twilio_lost_is_parked_for_a_person(handed, sms, clock, sandbox):
    sandbox.exchange.store.rows("DELETE FROM message")
    (found,) = compared(sms, clock)
    assert (found.kind, found.here) == ("missing there", "scheduled")
    assert fixed(sms, clock) == ["parked for a person"]
    assert now_as(handed).state == "needs_review"
    assert compared(sms, clock) == []


def test_a_second_copy_of_our_text_is_cancelled(handed, sms, clock, sandbox):
    a_copy(sandbox)
    (found,) = compared(sms, clock)
    assert (found.kind, found.sid, found.here, found.there) == ("unknown here", SID, "twin", "scheduled")
    assert fixed(sms, clock) == ["cancelled: we sent the same text"]
    assert [text.status for text in at_twilio(sandbox)] == ["scheduled", "canceled"]
    assert db.session.scalars(select(Audit.subject).where(Audit.what == "twin.cancelled")).all() == [SID]


@pytest.mark.parametrize(
    "changes", [{"body": "Elm Clinic: other words."}, {"recipient": "+12125550999"}, {"status": "sent"}]
)
def test_a_strangers_text_is_named_and_left_alone(handed, sms, clock, sandbox, changes):
    a_copy(sandbox, **changes)
    (found,) = compared(sms, clock)
    assert found.kind == "unknown here"
    assert fixed(sms, clock) == [""]
    assert at_twilio(sandbox)[1].status == changes.get("status", "scheduled")


def test_texts_from_another_service_are_not_ours_to_name(handed, sms, clock, sandbox):
    a_copy(sandbox, service_sid="MG" + "f" * 32)
    assert compared(sms, clock) == []


def test_other_words_at_twilio_are_named_and_blanked_ones_are_not(handed, sms, clock, sandbox):
    tamper(sandbox, body="Elm Clinic: see you on Monday.")
    assert [found.kind for found in compared(sms, clock)] == ["body differs"]
    assert fixed(sms, clock) == [""]
    tamper(sandbox, body="")
    assert compared(sms, clock) == []


def test_the_last_ten_minutes_are_left_out(app, clinic, worker, clock, sandbox, sms):
    trouble(sandbox)
    a_text(clinic, clock.now(), in_minutes=120)
    worker.settle()
    tamper(sandbox, status="sent")
    assert compared(sms, clock) == []
    clock.forward(minutes=11)
    assert len(compared(sms, clock)) == 1


def test_a_twilio_that_does_not_answer_leaves_the_last_count(handed, sms, clock, sandbox):
    tamper(sandbox, status="sent")
    compared(sms, clock)
    trouble(sandbox, {"kind": "error_before", "on": "list"})
    with pytest.raises(SmsError):
        compared(sms, clock)
    assert heart().drift_count == 1


def test_more_than_a_page_of_texts_is_compared(handed, sms, clock, sandbox):
    a_copy(sandbox, sids=[f"SM{number:032x}" for number in range(1_500)], body="Elm Clinic: other words.")
    assert len(compared(sms, clock)) == 1_500
