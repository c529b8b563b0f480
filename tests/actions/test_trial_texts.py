"""Trial texts to the operator's own phone: sent as real ones, heard by the real webhooks, nobody else's business."""

import json

import pytest
from sqlalchemy import func, select

from reminder_site.actions import missed_texts, reconciling, trial_texts
from reminder_site.db import db
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.readiness import all_well
from reminder_site.domain.trial_texts import judged
from reminder_site.models import InboundMessage, Message
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID, SENDER_NUMBER
from reminder_site.sandbox.inbound import receive
from tests.delivering import answering, arrive, at_twilio

PHONE = "+12125550123"


@pytest.fixture
def live(app, clinic, clock, sandbox):
    """The site at a port of its own and Twilio that calls it; returns how to send a trial and how it then stands."""
    sms = app.extensions["sms"]

    def send(kind):
        trial_id = trial_texts.send(kind=kind, phone=PHONE, sms=sms, by=OPERATOR, now=clock.now())
        return lambda: trial_texts.standing(trial_id=trial_id, sms=sms)

    with answering(app):
        url = app.extensions["settings"].public_base_url + "/webhooks/twilio/inbound"
        fields = json.dumps({"inbound_request_url": url})
        sandbox.exchange.store.rows("UPDATE service SET fields = ? WHERE sid = ?", fields, MESSAGING_SERVICE_SID)
        yield send


def say(sandbox, body, phone=PHONE):
    receive(sandbox.exchange, phone, SENDER_NUMBER, body, [])


def waits_for_a_person():
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(InboundMessage).where(InboundMessage.needs_person))


def test_receipts_and_the_reply_are_heard_by_the_webhooks(live, sandbox):
    trial = live("reply")
    arrive(sandbox)
    assert trial().receipts == ("queued", "sent", "delivered") and not trial().is_over
    say(sandbox, f" {trial().code} ")
    assert trial().is_over and trial().by_webhook and all_well(judged(trial()))
    assert waits_for_a_person() == 0 and db.session.scalar(select(func.count()).select_from(Message)) == 0


def test_a_code_from_another_phone_or_another_word_is_a_text_like_any_other(live, sandbox):
    trial = live("reply")
    say(sandbox, trial().code, phone="+12125550199")
    say(sandbox, "9999" if trial().code != "9999" else "9998")
    assert trial().replied_at is None and waits_for_a_person() == 2
    say(sandbox, trial().code)
    say(sandbox, trial().code)  # only the first is the reply
    assert waits_for_a_person() == 3


def test_a_reply_that_only_the_list_shows_is_told_apart(live, sandbox, app, clock, worker):
    worker.settle()
    clock.forward(minutes=5)
    sandbox.exchange.faults.put({"callbacks": {"inbound_lost": 1.0, "lost": 1.0}})
    trial = live("reply")
    say(sandbox, trial().code)
    clock.forward(minutes=3)
    assert missed_texts.read(sms=app.extensions["sms"], now=clock.now()) == 1
    assert trial().by_webhook is False and waits_for_a_person() == 0
    assert [finding.level for finding in judged(trial())] == ["ok", "wrong", "wrong"]


def test_a_scheduled_trial_is_withdrawn_at_once(live, sandbox):
    assert all_well(judged(live("schedule")()))
    assert [text.status for text in at_twilio(sandbox)] == ["canceled"]


@pytest.mark.parametrize(("from_creation", "begins"), [(True, "when it is made"), (False, "when it is sent")])
def test_when_validity_begins_is_measured(live, sandbox, clock, from_creation, begins):
    sandbox.exchange.faults.put({"validity_from_creation": from_creation})
    trial = live("validity")
    assert judged(trial())[0].level == "note" and not trial().is_over
    clock.forward(minutes=16)
    arrive(sandbox)
    (finding,) = judged(trial())
    assert trial().is_over and finding.level == "ok" and begins in finding.words


@pytest.mark.parametrize(("fault", "code"), [("sender_missing", 21701), ("unauthorised", 20003)])
def test_what_twilio_says_against_it_is_told(live, sandbox, fault, code):
    sandbox.exchange.faults.put({"rules": [{"kind": fault}]})
    (finding,) = judged(live("reply")())
    assert finding.level == "wrong" and str(code) in finding.words and str(code) in finding.next_step


def test_a_trial_is_no_stranger_to_the_ledger(live, app, clock, sandbox):
    live("reply")
    arrive(sandbox)
    clock.forward(minutes=20)
    assert reconciling.compare(sms=app.extensions["sms"], now=clock.now()) == []
