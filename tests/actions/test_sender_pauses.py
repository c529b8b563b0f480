"""A sender that takes no texts, or none of whose texts gets through: all wait, one tries at times, none is given up."""

import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Message, SenderPause
from tests.delivering import a_text, answering, arrive, at_twilio, attempts, carry_on, now_as, trouble

LEFT = {"accepted", "sent", "delivered"}
NOT_THERE = {"kind": "sender_missing"}
UNREGISTERED = {"*": {"status": "undelivered", "error_code": 30034}}


def pauses():
    db.session.rollback()
    return db.session.scalars(select(SenderPause).execution_options(populate_existing=True)).all()


def test_texts_of_a_sender_that_is_not_there_wait_and_one_tries_ever_more_rarely(clinic, worker, clock, sandbox):
    trouble(sandbox, NOT_THERE)
    texts = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(20)]
    worker.settle()
    began = sum(len(attempts(m)) for m in texts)
    since = clock.now()
    carry_on(worker, clock, minutes=60)
    (pause,) = pauses()
    assert (pause.since, pause.code, pause.by_receipt) == (since, 21701, False)
    assert 5 <= sum(len(attempts(m)) for m in texts) - began <= 8, "after 1, 2, 4, 8 and then each 15 minutes"
    assert {(now_as(m).state, now_as(m).waits_for) for m in texts} == {("pending", "sender")}
    assert all("messaging service is missing" in now_as(m).state_why for m in texts)
    trouble(sandbox)
    carry_on(worker, clock, minutes=16)
    assert {now_as(m).state in LEFT for m in texts} == {True}
    assert (len(at_twilio(sandbox)), pauses()) == (20, [])


def test_one_sender_that_pauses_keeps_no_other_waiting(clinic, worker, clock, sandbox):
    broken = a_text(clinic, clock.now(), sender="MG" + "0" * 32, useful_minutes=600)
    worker.settle()
    other = a_text(clinic, clock.now())
    worker.settle()
    assert (now_as(broken).waits_for, now_as(other).state in LEFT) == ("sender", True)
    assert [pause.sender for pause in pauses()] == ["MG" + "0" * 32]


def test_what_became_useless_meanwhile_is_marked_for_a_person_and_not_failed(clinic, worker, clock, sandbox):
    trouble(sandbox, NOT_THERE)
    short, long = (a_text(clinic, clock.now(), useful_minutes=minutes) for minutes in (30, 600))
    worker.settle()
    carry_on(worker, clock, minutes=31)
    assert (now_as(short).state, now_as(short).waits_for) == ("expired", "missed")
    trouble(sandbox)
    carry_on(worker, clock, minutes=16)
    assert now_as(long).state in LEFT
    assert now_as(short).state == "expired"


def test_a_text_that_is_refused_once_more_after_others_got_through_is_parked_and_holds_up_nobody(
    clinic, worker, clock, sandbox
):
    odd = "+12125540199"  # none of those that `a_text` counts through
    trouble(sandbox, NOT_THERE | {"to": odd})
    message_id = a_text(clinic, clock.now(), to_e164=odd, useful_minutes=600)
    worker.settle()
    others = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(3)]
    carry_on(worker, clock, minutes=5)
    assert {now_as(m).state in LEFT for m in others} == {True}
    assert (now_as(message_id).state, pauses()) == ("needs_review", [])
    assert attempts(message_id) == ["refused", "refused"]


def test_a_country_that_is_switched_off_is_shown_to_a_person_and_pauses_nobody(clinic, worker, clock, sandbox):
    message_id, other = a_text(clinic, clock.now(), to_e164="+15005550003"), a_text(clinic, clock.now())
    worker.settle()
    assert (now_as(message_id).state, now_as(other).state in LEFT, pauses()) == ("needs_review", True, [])


@pytest.fixture
def called_back(app, sandbox):
    """The site answers on a port; Twilio's callbacks arrive there."""
    with answering(app):
        yield
        arrive(sandbox)


def test_a_receipt_that_names_our_registration_pauses_the_sender_and_the_text_is_written_anew(
    clinic, worker, clock, sandbox, called_back
):
    sandbox.exchange.faults.put({"carrier": UNREGISTERED})
    first = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    arrive(sandbox)
    assert (now_as(first).state, now_as(first).error_code, now_as(first).reaches_at) == ("undelivered", 30034, None)
    second = now_as(first + 1)
    assert (second.replaces_id, second.state, second.body) == (first, "pending", now_as(first).body)
    others = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(5)]
    for _ in range(60):
        carry_on(worker, clock, minutes=1)
        arrive(sandbox)
    assert len(at_twilio(sandbox)) in range(5, 9), "each try is a text of its own"
    sandbox.exchange.faults.put({})
    for _ in range(20):
        carry_on(worker, clock, minutes=1)
        arrive(sandbox)
    delivered = [text.body for text in at_twilio(sandbox) if text.status == "delivered"]
    assert (len(delivered), pauses()) == (len(others) + 1, [])


def test_a_receipt_too_late_for_another_text_is_for_a_person(clinic, worker, clock, sandbox, called_back):
    sandbox.exchange.faults.put({"carrier": UNREGISTERED, "pace_s": 600.0})
    message_id = a_text(clinic, clock.now(), useful_minutes=15)
    worker.settle()
    for _ in range(2):
        clock.forward(minutes=10)
        arrive(sandbox)
    message = now_as(message_id)
    assert (message.state, message.error_code, message.waits_for) == ("undelivered", 30034, "missed")


def test_a_text_that_waits_for_the_one_it_replaces_does_not_use_up_the_try(clinic, worker, clock, sandbox):
    held = a_text(clinic, clock.now(), in_minutes=300)
    worker.settle()
    trouble(sandbox, NOT_THERE, {"kind": "error_before", "on": "update"})
    a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    replacing = a_text(clinic, clock.now(), replaces_id=held, useful_minutes=600)
    carry_on(worker, clock, minutes=2)
    assert (now_as(held).state, now_as(held).wanted, attempts(replacing)) == ("scheduled", True, [])
    assert pauses()[0].probe_id != replacing


def test_one_that_fails_again_after_others_arrived_is_parked_and_not_sent_for_ever(
    clinic, worker, clock, sandbox, called_back
):
    odd = "+12125540199"  # none of those that `a_text` counts through
    sandbox.exchange.faults.put({"carrier": {odd: UNREGISTERED["*"]}})
    first = a_text(clinic, clock.now(), to_e164=odd, useful_minutes=600)
    worker.settle()
    arrive(sandbox)
    others = [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(3)]
    for _ in range(20):
        carry_on(worker, clock, minutes=1)
        arrive(sandbox)
    assert {now_as(m).state for m in others} == {"delivered"}
    assert (len(at_twilio(sandbox, odd)) <= 4, pauses()) == (True, [])
    newest = max(text.id for text in db.session.scalars(select(Message).where(Message.to_e164 == odd)))
    assert (now_as(newest).state, now_as(newest).sid, now_as(first).state) == ("needs_review", None, "undelivered")


def test_a_country_that_receipts_name_is_for_a_person(clinic, worker, clock, sandbox, called_back):
    sandbox.exchange.faults.put({"carrier": {"*": {"status": "failed", "error_code": 21408}}})
    first = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    arrive(sandbox)
    worker.settle()
    assert (now_as(first).state, now_as(first + 1).state, pauses()) == ("failed", "needs_review", [])
    assert len(at_twilio(sandbox)) == 1


def test_one_first_looked_at_when_it_is_too_late_is_marked_as_well(clinic, worker, clock, sandbox):
    trouble(sandbox, NOT_THERE)
    a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    late = a_text(clinic, clock.now(), useful_minutes=1)
    clock.forward(minutes=2)
    worker.settle()
    assert (now_as(late).state, now_as(late).waits_for) == ("expired", "missed")
