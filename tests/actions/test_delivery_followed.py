"""From planned to delivered: through Twilio's callbacks over a real port, and by asking where they are lost."""

import itertools
import random

import pytest
from sqlalchemy import func, select

from reminder_site.actions import receipts
from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.models import Patient, ProviderEvent
from tests import factories
from tests.delivering import (
    a_text,
    answering,
    arrive,
    at_twilio,
    attempts,
    carry_on,
    history,
    now_as,
    take_back,
    trouble,
)

TO = "+12125550142"


@pytest.fixture
def called_back(app, sandbox):
    """The site answers on a port; Twilio's callbacks arrive there."""
    with answering(app):
        yield
        arrive(sandbox)


def test_a_scheduled_text_is_followed_to_its_delivery(clinic, worker, clock, sandbox, called_back):
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    assert now_as(message_id).state == "scheduled"
    clock.forward(minutes=60)
    arrive(sandbox)
    message = now_as(message_id)
    assert (message.state, message.provider_status, message.next_action_at) == ("delivered", "delivered", None)
    assert at_twilio(sandbox)[0].sent_at == message.send_at.timestamp()
    words = [line for line in history(message_id) if line.startswith("Twilio reports")]
    assert words == [
        "Twilio reports: scheduled at Twilio",
        "Twilio reports: sending",
        "Twilio reports: sent",
        "Twilio reports: delivered",
    ]


def test_a_cancel_is_confirmed_by_its_callback_too(clinic, worker, clock, sandbox, app, called_back):
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    app.extensions["sms"].cancel(now_as(message_id).sid)
    arrive(sandbox)
    assert now_as(message_id).state == "cancelled"
    take_back(message_id, clock.now())
    worker.settle()
    assert now_as(message_id).state == "cancelled"


@pytest.mark.parametrize(
    ("status", "code", "flag"),
    [("undelivered", 30005, "unreachable"), ("undelivered", 30003, ""), ("failed", 30008, "")],
)
def test_what_a_carrier_says_is_kept_in_words(clinic, worker, clock, sandbox, called_back, status, code, flag):
    carol = factories.a_patient(clinic, phone_e164=TO)
    sandbox.exchange.faults.put({"carrier": {TO: {"status": status, "error_code": code}}})
    message_id = a_text(clinic, clock.now(), to_e164=TO, patient_id=carol.id)
    worker.settle()
    arrive(sandbox)
    message = now_as(message_id)
    assert (message.state, message.error_code) == (status, code)
    assert str(code) not in message.state_why
    assert db.session.get(Patient, carol.id, populate_existing=True).phone_flag == flag


def test_a_callback_that_overtakes_its_answer_adopts_the_text_once(clinic, worker, clock, sandbox, called_back):
    sandbox.exchange.faults.put({"callbacks": {"early": 1.0}})
    for _ in range(5):
        message_id = a_text(clinic, clock.now())
        worker.settle()
        arrive(sandbox)
        assert (now_as(message_id).state, attempts(message_id)) == ("delivered", ["created"])
    assert len(at_twilio(sandbox)) == 5


def test_a_callback_settles_an_unclear_text_long_before_the_first_look(clinic, worker, clock, sandbox, called_back):
    sandbox.exchange.faults.put({"rules": [{"kind": "reset_after", "next": 1}]})
    message_id = a_text(clinic, clock.now())
    worker.settle()
    arrive(sandbox)
    assert (now_as(message_id).state, now_as(message_id).sid) == ("delivered", at_twilio(sandbox)[0].sid)
    carry_on(worker, clock, minutes=5)
    assert (attempts(message_id), len(at_twilio(sandbox))) == (["unknown"], 1)


def test_shuffled_doubled_and_late_callbacks_end_where_they_should(clinic, worker, clock, sandbox, called_back):
    sandbox.exchange.faults.put({"callbacks": {"shuffled": 0.7, "doubled": 0.5, "late": 0.3, "late_s": 0.1}})
    texts = [a_text(clinic, clock.now(), in_minutes=20) for _ in range(40)]
    worker.settle()
    clock.forward(minutes=20)
    arrive(sandbox)
    assert {now_as(m).state for m in texts} == {"delivered"}
    told = select(func.count()).select_from(ProviderEvent)
    assert db.session.scalar(told) == 3 * len(texts)


def test_lost_callbacks_are_made_up_for_by_asking(clinic, worker, clock, sandbox):
    trouble(sandbox)
    soon, later = a_text(clinic, clock.now()), a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    carry_on(worker, clock, minutes=62)
    arrive(sandbox)
    carry_on(worker, clock, minutes=10)
    assert [now_as(m).state for m in (soon, later)] == ["delivered", "delivered"]
    assert now_as(later).next_action_at is None


def test_a_text_without_a_receipt_is_asked_about_for_three_days_and_then_left(clinic, worker, clock, sandbox):
    trouble(sandbox, carrier={"*": {"status": "sent"}})
    message_id = a_text(clinic, clock.now())
    sent_at = clock.now()
    worker.settle()
    asked = []
    while (next_at := now_as(message_id).next_action_at) is not None:
        asked.append(int((next_at - sent_at).total_seconds()))
        clock.set(next_at)
        worker.settle()
    assert asked == [120, 600, 3600, 6 * 3600, 24 * 3600, 72 * 3600]
    assert now_as(message_id).state == "sent"
    assert history(message_id)[-1] == "no receipt came within 72 hours"


def test_an_end_that_came_with_the_last_question_is_not_called_a_silence(clinic, worker, clock, sandbox):
    trouble(sandbox, {"kind": "html_503", "on": "fetch"})
    message_id = a_text(clinic, clock.now())
    worker.settle()
    trouble(sandbox, carrier={"*": {"status": "sent"}})
    from_now = clock.now()
    for seconds in (120, 600, 3600, 6 * 3600, 24 * 3600):
        clock.set(from_now.add(seconds=seconds))
        worker.settle()
    sandbox.exchange.store.rows("UPDATE message SET status = 'delivered'")
    clock.set(from_now.add(hours=72))
    worker.settle()
    assert now_as(message_id).state == "delivered"
    assert "no receipt came within 72 hours" not in history(message_id)


SEQUENCES = [
    ["queued", "sent", "delivered"],
    ["queued", "sending", "sent", "undelivered"],
    ["queued", "failed"],
    ["queued", "sent", "delivered", "read"],
    ["canceled"],
    ["queued", "sent", "undelivered", "delivered"],
    ["teleported", "queued", "sent"],
]


def test_hundreds_of_shuffles_of_receipts_end_the_same(clinic, worker, clock, sandbox):
    trouble(sandbox)
    dice = random.Random(20_261_102)
    ends = {}
    for number, sequence in itertools.product(range(6), range(len(SEQUENCES))):
        message_id = a_text(clinic, clock.now(), in_minutes=60, to_e164=f"+1212556{number}{sequence:02}9")
        ends[message_id] = SEQUENCES[sequence]
    worker.settle()
    heard = [(m, status) for m, sequence in ends.items() for status in sequence * 2]
    dice.shuffle(heard)
    for message_id, status in heard:
        sid = now_as(message_id).sid
        assert receipts.receive_status(token="unknown", sid=sid, status=status, error_code=None, now=clock.now())
    for message_id, sequence in ends.items():
        highest = max((s for s in sequence if s in states.RANK), key=states.RANK.get)
        assert now_as(message_id).state == states.STATE_OF[highest]
    assert db.session.scalar(select(func.count()).select_from(ProviderEvent)) == sum(map(len, ends.values()))
    db.session.rollback()


def test_a_receipt_for_a_text_believed_absent_counts_even_while_another_is_on_the_wire(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1), list_staleness_s=100_000.0)
    first = a_text(clinic, clock.now(), to_e164=TO, body="First.", useful_minutes=600)
    worker.settle()
    clock.forward(seconds=150)
    worker.settle()
    busy = {"kind": "rate_limit_429", "next": 1, "retry_after": 600}
    trouble(sandbox, busy, {"kind": "reset_before"}, list_staleness_s=100_000.0)
    clock.forward(seconds=60)
    worker.settle()
    clock.forward(seconds=1)  # a 429 slows all others down, too
    second = a_text(clinic, clock.now(), to_e164=TO, body="Second.")
    worker.settle()
    assert [now_as(m).state for m in (first, second)] == ["pending", "unknown"]
    (held,) = at_twilio(sandbox)
    token = held.status_callback.rsplit("/", 1)[1].partition("#")[0]
    assert receipts.receive_status(token=token, sid=held.sid, status="sent", error_code=None, now=clock.now())
    assert [now_as(m).state for m in (first, second)] == ["sent", "unknown"]
    assert "Twilio has it after all" in history(first)
