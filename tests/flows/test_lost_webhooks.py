"""A webhook that fails for our fault is no lost text: real ones, signed, to a site that is down or refuses them."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.gateways.sms import Sms
from reminder_site.models import Appointment, InboundMessage, OptOut
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID, SENDER_NUMBER
from reminder_site.sandbox.inbound import receive
from reminder_site.worker import Worker
from tests.delivering import answering, carry_on, trouble
from tests.factories import a_patient, an_appointment
from tests.refusing import stopped_database
from tests.texting import PHONE, fresh, heard

LOST = {"lost": 1.0, "inbound_lost": 0.3}


@pytest.fixture
def twilio(app, clock, sandbox, worker):
    """The site at a port of its own and Twilio that calls it; returns how a patient texts, and what the webhook got."""
    trouble(sandbox)
    worker.settle()
    clock.forward(minutes=10)

    def say(body, phone=PHONE):
        clock.forward(seconds=1)
        return receive(sandbox.exchange, phone, SENDER_NUMBER, body, [])[1].outcome

    with answering(app):
        url = app.extensions["settings"].public_base_url + "/webhooks/twilio/inbound"
        fields = json.dumps({"inbound_request_url": url})
        sandbox.exchange.store.rows("UPDATE service SET fields = ? WHERE sid = ?", fields, MESSAGING_SERVICE_SID)
        yield say


@pytest.fixture
def visit(clinic, now):
    """Carol's appointment, of which her phone was told."""
    appointment = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(appointment, now)
    return appointment


def kept():
    db.session.rollback()
    return db.session.scalars(select(InboundMessage.body).order_by(InboundMessage.id)).all()


def out():
    return db.session.scalars(select(OptOut.e164).where(OptOut.ended_at.is_(None))).all()


def test_what_was_texted_while_the_database_was_down_counts_once_and_in_order(visit, twilio, worker, clock):
    visit_id = visit.id
    assert twilio("1") == "ok"
    for said in (("2", "3"), ("1", "STOP")):
        with stopped_database():
            assert [twilio(body) for body in said] == ["5xx"] * 2
        carry_on(worker, clock, minutes=2)
        assert kept()[-2:] == list(said)
    carry_on(worker, clock, minutes=5)
    stands = db.session.get(Appointment, visit_id)
    assert (kept(), stands.answer, stands.state) == (["1", "2", "3", "1", "STOP"], "confirmed", "booked")
    assert out() == [PHONE]


def test_a_stop_that_met_a_wrong_token_is_kept_once_the_token_is_right(app, visit, twilio, clock, monkeypatch):
    known = app.extensions["settings"]
    with monkeypatch.context() as wrong:
        sms = Sms(replace(known, twilio_auth_token="somebody-elses-token"))
        wrong.setitem(app.extensions, "sms", sms)
        misled = Worker(app, monotonic=clock.monotonic)
        assert [twilio(body) for body in ("1", "STOP")] == ["4xx", "4xx"]
        carry_on(misled, clock, minutes=5)
        assert (kept(), out()) == ([], [])
        sms.close()
    carry_on(Worker(app, monotonic=clock.monotonic), clock, minutes=2)
    assert (kept(), fresh(visit).answer, out()) == (["1", "STOP"], "confirmed", [PHONE])


def test_of_webhooks_of_which_three_in_ten_are_lost_every_text_counts_once(clinic, now, twilio, worker, clock, sandbox):
    trouble(sandbox, callbacks=LOST)
    phones = [f"+1212555{number:04d}" for number in range(100, 120)]
    visits = [an_appointment(clinic, a_patient(clinic, phone_e164=phone)) for phone in phones]
    for visit in visits:
        heard(visit, now)
    outcomes = [twilio(body, phone) for body in ("1", "3") for phone in phones] + [twilio("STOP", phones[0])]
    carry_on(worker, clock, minutes=2)
    assert "ct" in outcomes
    assert sorted(kept()) == sorted(["1", "3"] * 20 + ["STOP"])
    assert [fresh(visit).state for visit in visits] == ["cancelled"] * 20
    assert out() == [phones[0]]
