"""Of an account's inbound texts only those to our own senders count: other programs may have numbers in it, too."""

import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import InboundMessage, OptOut
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests.delivering import carry_on, trouble
from tests.factories import a_clinic, a_patient, an_appointment
from tests.finding_late import took
from tests.texting import PHONE, fresh, heard, last_text, text

ELSEWHERE, OAKS = "+13055550177", "MG" + "7" * 32


def bodies():
    db.session.rollback()
    return db.session.scalars(select(InboundMessage.body).order_by(InboundMessage.id)).all()


def given(sandbox, number, service):
    """Put a number into a service's pool."""
    store = sandbox.exchange.store
    if not store.value("SELECT 1 FROM service WHERE sid = ?", service):
        store.rows("INSERT INTO service VALUES (?, 0, '{}')", service)
    store.rows("INSERT INTO number (number, sid, service_sid) VALUES (?, ?, ?)", number, "PN" + number[1:], service)


@pytest.mark.parametrize("service", [None, "MG" + "9" * 32])
def test_what_was_sent_to_another_programs_number_is_none_of_ours(visit, begun, clock, sandbox, service):
    for body in ("3", "STOP"):
        took(sandbox, body, clock.now(), to=ELSEWHERE, service=service)
    took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=2)
    assert (fresh(visit).state, fresh(visit).answer, bodies()) == ("booked", "confirmed", ["1"])
    assert db.session.scalar(select(OptOut.id)) is None


def test_a_text_belongs_to_the_service_whose_number_it_came_to(clinic, begun, clock, sandbox, now):
    oak = a_clinic("Oak Clinic", sender=OAKS)
    given(sandbox, ELSEWHERE, OAKS)
    here, there = (an_appointment(place, a_patient(place, phone_e164=PHONE)) for place in (clinic, oak))
    for appointment in (here, there):
        heard(appointment, now)
    took(sandbox, "1", clock.now(), to=ELSEWHERE)
    carry_on(begun, clock, minutes=2)
    assert (fresh(here).answer, fresh(there).answer, last_text().sender) == ("none", "confirmed", OAKS)


def test_a_number_that_webhooks_bring_texts_to_is_ours_although_its_pool_is_not_to_be_had(visit, begun, clock, sandbox):
    sandbox.exchange.store.rows("UPDATE number SET service_sid = NULL")
    took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=2)
    assert bodies() == []
    text("hello", clock.now(), service=MESSAGING_SERVICE_SID)
    took(sandbox, "1", clock.now().add(seconds=1))
    clock.forward(seconds=2)
    carry_on(begun, clock, minutes=2)
    assert bodies()[0] == "hello"
    assert "1" in bodies()


def test_while_nobody_can_say_whose_a_number_is_nothing_is_passed_over(visit, begun, clock, sandbox):
    trouble(sandbox, {"kind": "error_before", "on": "other", "probability": 1})
    took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=3)
    assert bodies() == []
    trouble(sandbox)
    carry_on(begun, clock, minutes=2)
    assert bodies() == ["1"]


def test_a_service_that_is_not_there_keeps_no_other_waiting(visit, begun, clock, sandbox):
    a_clinic("Oak Clinic", sender=OAKS)
    took(sandbox, "1", clock.now())
    carry_on(begun, clock, minutes=2)
    assert fresh(visit).answer == "confirmed"
