"""Twilio's receipts at the door: every answer is the same empty 204, and each fact is taken in once."""

import threading

import pytest
from sqlalchemy import func, select

from reminder_site.db import db
from reminder_site.models import Message, MessageEvent, ProviderEvent
from tests.delivering import a_text, at_twilio, call_back, now_as, trouble

STRANGER = "SM" + "d" * 32


@pytest.fixture
def held(clinic, worker, clock, sandbox):
    """A scheduled text: its id, its SID and the token of its callbacks."""
    trouble(sandbox)
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    (kept,) = at_twilio(sandbox)
    return message_id, kept.sid, kept.status_callback.rsplit("/", 1)[1].partition("#")[0]


def counted(table):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table))


def test_a_receipt_is_answered_with_nothing_and_moves_the_text(client, held):
    message_id, sid, token = held
    answer = call_back(client, token, sid, "delivered")
    assert (answer.status_code, answer.data) == (204, b"")
    assert now_as(message_id).state == "delivered"


def test_a_receipt_told_twice_is_one_fact(client, held):
    message_id, sid, token = held
    for _ in range(5):
        assert call_back(client, token, sid, "sent").status_code == 204
    assert counted(ProviderEvent) == 1
    lines = select(MessageEvent.state).where(MessageEvent.message_id == message_id, MessageEvent.state == "sent")
    assert db.session.scalars(lines).all() == ["sent"]


def test_receipts_in_the_wrong_order_end_at_the_furthest(client, held):
    message_id, sid, token = held
    for status in ("delivered", "queued", "sent", "sending"):
        call_back(client, token, sid, status)
    assert (now_as(message_id).state, now_as(message_id).provider_rank) == ("delivered", 80)
    assert counted(ProviderEvent) == 4


def test_a_token_nobody_knows_is_kept_answered_alike_and_changes_nothing(client, held):
    message_id, _, _ = held
    before = now_as(message_id).version
    answer = call_back(client, "f" * 32, STRANGER, "delivered")
    assert (answer.status_code, answer.data) == (204, b"")
    assert (counted(ProviderEvent), now_as(message_id).version, counted(Message)) == (1, before, 1)
    assert db.session.scalar(select(ProviderEvent.message_id)) is None


def test_the_sid_alone_is_enough_and_a_known_token_with_another_sid_is_not(client, held):
    message_id, sid, token = held
    call_back(client, token, STRANGER, "failed", 30008)
    assert (now_as(message_id).state, now_as(message_id).sid) == ("scheduled", sid)
    call_back(client, "f" * 32, sid, "sent")
    assert now_as(message_id).state == "sent"


def test_an_error_code_is_kept_and_an_impossible_one_is_not(client, held):
    message_id, sid, token = held
    call_back(client, token, sid, "failed", 99_999_999)
    assert (now_as(message_id).state, now_as(message_id).error_code) == ("failed", None)
    call_back(client, token, sid, "undelivered", 30003)
    assert (now_as(message_id).state, now_as(message_id).error_code) == ("undelivered", 30003)


@pytest.mark.parametrize("status", ["", "DELIVERED", "delivered; drop", "x" * 25, "delivered\n"])
def test_what_is_no_status_is_answered_and_ignored(client, held, status):
    message_id, sid, token = held
    assert call_back(client, token, sid, status).status_code == 204
    assert (now_as(message_id).state, counted(ProviderEvent)) == ("scheduled", 0)


def test_a_status_twilio_has_invented_since_means_that_it_moves(client, held):
    message_id, sid, token = held
    assert call_back(client, token, sid, "teleported").status_code == 204
    assert now_as(message_id).state == "accepted"
    call_back(client, token, sid, "delivered")
    assert now_as(message_id).state == "delivered"


def test_late_good_news_beats_bad_news_and_a_cancel_that_was_none(client, held):
    message_id, sid, token = held
    for status, state in [("canceled", "cancelled"), ("sent", "sent"), ("undelivered", "undelivered"),
                          ("delivered", "delivered"), ("failed", "delivered"), ("read", "read")]:  # fmt: skip
        call_back(client, token, sid, status)
        assert now_as(message_id).state == state


def test_ten_copies_at_the_same_moment_are_one_fact(app, held):
    message_id, sid, token = held
    codes = []

    def tell():
        codes.append(call_back(app.test_client(), token, sid, "delivered").status_code)

    threads = [threading.Thread(target=tell) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == [204] * 10
    assert (counted(ProviderEvent), now_as(message_id).state) == (1, "delivered")


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_only_a_post_is_heard(client, held, method):
    _, _, token = held
    assert getattr(client, method)(f"/webhooks/twilio/status/{token}").status_code in {403, 405}
    assert counted(ProviderEvent) == 0


def test_an_unsigned_receipt_is_refused_and_leaves_no_trace(client, held):
    message_id, sid, token = held
    form = {"MessageSid": sid, "MessageStatus": "delivered"}
    for signature in ({}, {"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "A" * 28}):
        assert client.post(f"/webhooks/twilio/status/{token}", data=form, headers=signature).status_code == 403
    assert (counted(ProviderEvent), now_as(message_id).state) == (0, "scheduled")
