"""No answer is lost: what Twilio took while no webhook reached us is taken in once, in order, as of its own time."""

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import answers, missed_texts, throttling
from reminder_site.db import db, transaction
from reminder_site.gateways.sms import Sms, SmsError, sms
from reminder_site.models import Heartbeat, InboundMessage, Message, OptOut
from reminder_site.queries import health, inbox
from tests.delivering import carry_on, slowed_at, trouble
from tests.finding_late import took
from tests.texting import PHONE, fresh, last_text, text


def test_an_answer_that_no_webhook_brought_counts_within_two_minutes(visit, begun, clock, sandbox):
    at = clock.now()
    took(sandbox, "3", at)
    carry_on(begun, clock, minutes=2)
    kept = last_text()
    assert (fresh(visit).state, kept.received_at) == ("cancelled", at)
    assert kept.found_at > at


def test_texts_of_one_second_count_in_twilios_order(visit, begun, clock, sandbox):
    for body, sid in (("3", "f"), ("1", "e"), ("2", "0"), ("1", "9")):
        took(sandbox, body, clock.now(), sid="SM" + sid * 32)
    carry_on(begun, clock, minutes=2)
    bodies = db.session.scalars(select(InboundMessage.body).order_by(InboundMessage.id)).all()
    assert (bodies, fresh(visit).answer) == (["3", "1", "2", "1"], "confirmed")


@pytest.mark.parametrize("second", range(0, 84, 12))
def test_whenever_it_was_sent_it_counts_within_two_minutes(visit, begun, clock, sandbox, second):
    begun.settle()
    clock.forward(seconds=second)
    took(sandbox, "1", clock.now())
    for _ in range(8):
        clock.forward(seconds=14)
        begun.settle()
    assert fresh(visit).answer == "confirmed"


def test_words_that_twilio_took_for_an_opt_out_count_as_that_when_they_are_found(visit, begun, clock, sandbox):
    text("NO", clock.now(), phone="+12125550199", opt_out_type="STOP")
    took(sandbox, "no ", clock.now())
    carry_on(begun, clock, minutes=2)
    assert (fresh(visit).state, last_text().needs_person) == ("booked", True)
    assert PHONE in db.session.scalars(select(OptOut.e164)).all()


def replies():
    return [(one.kind, one.state) for one in db.session.scalars(select(Message).where(Message.to_e164 == PHONE,
            Message.kind.in_(["reply", "stopped"])).order_by(Message.id))]  # fmt: skip


@pytest.mark.parametrize(("after", "told"), [(0, [("stopped", "delivered")]), (6, [])])
def test_an_opt_out_in_her_own_words_is_acknowledged_within_five_minutes(visit, begun, clock, sandbox, after, told):
    took(sandbox, "please stop texting me", clock.now())
    clock.forward(minutes=after)
    carry_on(begun, clock, minutes=4)
    sandbox.exchange.dispatcher.run_due()
    carry_on(begun, clock, minutes=4)
    assert replies() == told


def test_two_machines_that_answer_each_other_are_ended_also_by_the_list(visit, begun, clock, sandbox):
    for number in range(6):
        took(sandbox, "31"[number % 2], clock.now())
        carry_on(begun, clock, minutes=2)
    took(sandbox, "HELP", clock.now())
    carry_on(begun, clock, minutes=2)
    assert len(replies()) == 4


def test_the_acknowledgement_of_an_opt_out_is_none_of_the_three_answers(visit, clock):
    clock.forward(minutes=10)
    assert "no more texts" in text("please stop texting me", clock.now())
    text("START", clock.now())
    answered = [text("31"[number % 2], clock.now()) for number in range(4)]
    assert [bool(reply) for reply in answered] == [True, True, True, False]


def test_a_machine_that_says_what_nobody_understands_is_answered_once(visit, begun, clock, sandbox):
    for _ in range(3):
        took(sandbox, "I am away until Monday", clock.now())
        carry_on(begun, clock, minutes=2)
    assert len(replies()) == 1


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


@pytest.fixture
def stumbling(monkeypatch):
    """Let texts that begin with an x be impossible to take in."""
    take_in = answers._take_in

    def stumbles(text, *when):
        if text.body.startswith("x"):
            raise RuntimeError("it cannot be stored")
        return take_in(text, *when)

    monkeypatch.setattr(answers, "_take_in", stumbles)
    return monkeypatch


def test_a_text_that_cannot_be_taken_in_keeps_no_other_waiting(visit, begun, clock, sandbox, stumbling):
    took(sandbox, "x" * 10, clock.now().subtract(seconds=5), phone="+12125550199")
    took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=3)
    assert fresh(visit).answer == "confirmed"
    stumbling.undo()
    carry_on(begun, clock, minutes=3)
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 2


def test_after_an_hour_a_person_gets_what_cannot_be_taken_in(clinic, visit, begun, clock, sandbox, stumbling):
    def waiting():
        db.session.rollback()
        return [one.body for one in inbox.listed(clinic_id=clinic.id)]

    took(sandbox, "x" * 10, clock.now(), phone="+12125550199")
    clock.forward(minutes=58)
    carry_on(begun, clock, minutes=1)
    assert waiting() == []
    carry_on(begun, clock, minutes=3)
    assert waiting() == ["x" * 10]
    assert health.checks(now=clock.now())["inbound"].status == "ok"


@pytest.fixture
def asked(monkeypatch):
    """When the list was read."""
    times, list_inbound = [], Sms.list_inbound
    monkeypatch.setattr(Sms, "list_inbound", lambda self, since: times.append(since) or list_inbound(self, since))
    return times


@pytest.mark.parametrize("why", ["a text stumbles", "Twilio refuses"])
def test_a_trouble_has_the_list_read_no_more_often(visit, begun, clock, sandbox, stumbling, asked, caplog, why):
    if why == "Twilio refuses":
        trouble(sandbox, {"kind": "error_before", "on": "list_new", "probability": 1})
    took(sandbox, "x", clock.now())
    clock.forward(minutes=3)
    for _ in range(20):
        clock.forward(seconds=15)
        begun.settle()
    assert 5 <= len(asked) <= 7
    assert ("could not be read" in caplog.text) is (why == "Twilio refuses")
    assert ("Traceback" in caplog.text) is (why == "a text stumbles")


def test_a_silent_twilio_is_not_asked_for_its_list(begun, clock, sandbox, asked):
    throttling.fall_silent(since=clock.now(), why="silent", pace=begun.pace, now=clock.now())
    clock.forward(minutes=3)
    begun.housekeeping.read_missed_texts()
    assert asked == []


def test_a_429_to_the_list_slows_texts_down(begun, clock, sandbox):
    trouble(sandbox, {"kind": "rate_limit_429", "on": "list_new", "probability": 1})
    clock.forward(minutes=3)
    begun.settle()
    assert slowed_at() == clock.now()
