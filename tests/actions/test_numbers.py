"""What is learnt about a number: opted out, or not one that can be texted. It holds for one sender and one number."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import opt_outs, outbox
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Audit, Message, OptOut
from reminder_site.queries.plans import is_opted_out
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, at_twilio, call_back, now_as, trouble
from tests.texting import PHONE, fresh

ANOTHER_SENDER = "MG" + "7" * 32


@pytest.fixture
def accepted(clinic, worker, clock, sandbox):
    """A text to Carol that Twilio took; where its receipts come in, and Carol."""
    trouble(sandbox)
    carol = factories.a_patient(clinic, phone_e164=PHONE)
    message_id = a_text(clinic, clock.now(), to_e164=PHONE, patient_id=carol.id)
    worker.settle()
    token = at_twilio(sandbox)[0].status_callback.partition("/status/")[2].partition("#")[0]
    return token, now_as(message_id).sid, carol


def test_an_opt_out_that_begins_is_on_record(clinic, now):
    carol = factories.a_patient(clinic)
    asked = {"word": "STOP", "source": "text", "by": OPERATOR, "now": now}
    with transaction() as session:
        opt_outs.start(session, carol.phone_e164, MESSAGING_SERVICE_SID, **asked)
    recorded = db.session.scalars(select(Audit.subject).where(Audit.what == "opt_out.started")).all()
    assert recorded == [carol.public_id]


def test_an_opt_out_that_ends_for_one_sender_goes_on_for_another(clinic, now):
    asked = {"e164": PHONE, "word": "STOP", "source": "text", "started_at": now}
    with transaction() as session:
        session.add_all(OptOut(sender=sender, **asked) for sender in (MESSAGING_SERVICE_SID, ANOTHER_SENDER))
    with transaction() as session:
        opt_outs.end(session, PHONE, MESSAGING_SERVICE_SID, by=OPERATOR, now=now)
    held = [is_opted_out(db.session(), PHONE, sender) for sender in (MESSAGING_SERVICE_SID, ANOTHER_SENDER)]
    assert held == [False, True]


def test_an_opt_out_from_one_sender_takes_back_nothing_of_another(clinic, now):
    texts = [
        a_text(clinic, now, in_minutes=60, to_e164=PHONE, sender=s) for s in (MESSAGING_SERVICE_SID, ANOTHER_SENDER)
    ]
    with transaction() as session:
        outbox.unwant_number(session, PHONE, MESSAGING_SERVICE_SID, why="opted out", by=OPERATOR, now=now)
    assert [now_as(message_id).wanted for message_id in texts] == [False, True]


def test_a_receipt_that_says_the_number_opted_out_is_an_opt_out(client, accepted):
    token, sid, _carol = accepted
    assert call_back(client, token, sid, "failed", 21610).status_code == 204
    assert is_opted_out(db.session(), PHONE, MESSAGING_SERVICE_SID)


@pytest.mark.parametrize("error_code", [30005, 30006])
def test_a_receipt_that_says_no_text_can_reach_the_number_marks_it(client, accepted, error_code):
    token, sid, carol = accepted
    call_back(client, token, sid, "undelivered", error_code)
    assert fresh(carol).phone_flag == "unreachable"


def test_a_late_receipt_about_a_former_number_does_not_mark_the_present_one(client, accepted):
    token, sid, carol = accepted
    with transaction() as session:
        session.get_one(type(carol), carol.id).phone_e164 = "+12125550188"
    call_back(client, token, sid, "undelivered", 30006)
    assert fresh(carol).phone_flag == ""


def test_a_text_taken_back_twice_keeps_the_first_reason(clinic, now):
    message_id = a_text(clinic, now, in_minutes=60)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(state="submitting"))
    for why, touched in (("opted out", 1), ("moved", 0)):
        with transaction() as session:
            assert outbox.unwant(session, [message_id], why=why, by=OPERATOR, now=now) == touched
    assert now_as(message_id).unwanted_why == "opted out"
