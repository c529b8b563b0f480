"""No answer is lost: what Twilio took while no webhook reached us is taken in once, in order, as of its own time."""

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import missed_texts
from reminder_site.db import db, transaction
from reminder_site.gateways.sms import SmsError, sms
from reminder_site.models import Heartbeat, InboundMessage, Message, OptOut
from tests.delivering import carry_on, trouble
from tests.finding_late import took
from tests.texting import fresh, last_text, text


def test_an_answer_that_no_webhook_brought_counts_within_two_minutes(visit, begun, clock, sandbox):
    at = clock.now()
    took(sandbox, "3", at)
    carry_on(begun, clock, minutes=2)
    kept = last_text()
    assert (fresh(visit).state, kept.received_at) == ("cancelled", at)
    assert kept.found_at > at


def test_its_reply_is_texted_once(visit, begun, clock, sandbox):
    took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=5)
    replies = db.session.scalars(select(Message).where(Message.kind == "reply")).all()
    assert [("thank you, see you" in one.body, one.state) for one in replies] == [(True, "delivered")]


def test_an_opt_out_in_words_twilio_does_not_know_is_acknowledged_once_though_found_late(visit, begun, clock, sandbox):
    took(sandbox, "please stop texting me", clock.now())
    carry_on(begun, clock, minutes=5)
    assert len(db.session.scalars(select(OptOut)).all()) == 1
    told = db.session.scalars(select(Message).where(Message.kind.in_(["reply", "stopped"]))).all()
    assert [("no more texts will come from us" in one.body, one.state) for one in told] == [(True, "delivered")]


def test_after_an_hour_an_answer_counts_and_nobody_is_texted_a_reply(visit, begun, clock, sandbox):
    took(sandbox, "1", clock.now())
    clock.forward(minutes=61)
    carry_on(begun, clock, minutes=2)
    assert fresh(visit).answer == "confirmed"
    assert db.session.scalar(select(func.count()).select_from(Message).where(Message.kind == "reply")) == 0


def test_texts_are_taken_in_as_they_were_sent(visit, begun, clock, sandbox):
    said = [("1", 30), ("3", 20), ("1", 10)]
    for body, seconds_ago in reversed(said):
        took(sandbox, body, clock.now().subtract(seconds=seconds_ago))
    carry_on(begun, clock, minutes=2)
    bodies = db.session.scalars(select(InboundMessage.body).order_by(InboundMessage.id)).all()
    assert (bodies, fresh(visit).state, fresh(visit).answer) == (["1", "3", "1"], "booked", "confirmed")


def test_what_a_webhook_brought_as_well_counts_once(visit, begun, clock, sandbox):
    sid = took(sandbox, "1", clock.now())
    reply = text("1", clock.now(), sid=sid)
    carry_on(begun, clock, minutes=3)
    assert "thank you" in reply
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 1
    assert db.session.scalar(select(func.count()).select_from(Message).where(Message.kind == "reply")) == 0


def test_a_webhook_that_comes_after_the_list_has_no_second_effect(visit, begun, clock, sandbox):
    sid = took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=2)
    assert text("1", clock.now(), sid=sid) is None
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 1


def test_an_answer_is_held_against_what_had_been_told_as_it_was_sent(visit, now, begun, clock, sandbox):
    took(sandbox, "1", now.add(minutes=1))
    carry_on(begun, clock, minutes=2)
    assert fresh(visit).answer == "none"


@pytest.mark.parametrize(("said", "kept"), [("STOP", 1), ("please stop texting me", 1), ("1", 0), ("hello", 0)])
def test_of_texts_from_before_the_site_only_opt_outs_count(visit, worker, clock, sandbox, said, kept):
    trouble(sandbox)
    took(sandbox, said, clock.now().subtract(days=2))
    worker.settle()
    assert db.session.scalar(select(func.count()).select_from(OptOut)) == kept
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == kept


def test_a_restored_or_stopped_site_reads_from_where_it_had_read(visit, begun, clock, sandbox):
    took(sandbox, "3", clock.now())
    with transaction() as session:
        read_to = {"inbound_read_to": clock.now().subtract(days=3), "inbound_from": clock.now().subtract(days=9)}
        session.execute(update(Heartbeat).values(**read_to))
    clock.forward(minutes=2)
    assert missed_texts.read(sms=sms(), now=clock.now()) == 1
    assert fresh(visit).state == "cancelled"


def test_while_the_list_cannot_be_read_nothing_is_passed_over(visit, begun, clock, sandbox):
    took(sandbox, "3", clock.now())
    trouble(sandbox, {"kind": "error_before", "on": "list_new", "probability": 1})
    clock.forward(minutes=5)
    with pytest.raises(SmsError):
        missed_texts.read(sms=sms(), now=clock.now())
    trouble(sandbox)
    clock.forward(hours=3)
    assert missed_texts.read(sms=sms(), now=clock.now()) == 1


def test_a_text_that_cannot_be_taken_in_keeps_no_other_waiting(visit, begun, clock, sandbox, monkeypatch):
    took(sandbox, "x" * 10, clock.now().subtract(seconds=5), phone="+12125550199")
    took(sandbox, "1", clock.now())
    find = missed_texts.answers.find

    def stumbles(*, remote, now):
        if remote.body.startswith("x"):
            raise RuntimeError("it cannot be stored")
        return find(remote=remote, now=now)

    monkeypatch.setattr(missed_texts.answers, "find", stumbles)
    carry_on(begun, clock, minutes=3)
    assert fresh(visit).answer == "confirmed"
    monkeypatch.undo()
    carry_on(begun, clock, minutes=3)
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 2
