"""Status callbacks: signed, in order, retried as the URL's fragment says, and the mishaps that can be switched on."""

import socket
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from reminder_site.sandbox import identity, messages
from reminder_site.sandbox.webhooks import Overrides
from reminder_site.sandbox.wire import Request
from tests.sandbox.conftest import PATIENT, START, until

VALIDATOR = RequestValidator(identity.AUTH_TOKEN)


def is_genuine(heard):
    return VALIDATOR.validate(heard.url, heard.form, heard.headers["X-Twilio-Signature"])


def test_a_text_through_the_service_reports_queued_sent_delivered_each_signed(sandbox, listener):
    message = sandbox.text(status_callback=f"{listener.url}/status/a?b=c%20d&e=#rc=2")
    sandbox.settle()
    assert listener.statuses(message.sid) == ["queued", "sent", "delivered"]
    assert all(is_genuine(heard) for heard in listener.heard)
    assert listener.heard[0].url.endswith("/status/a?b=c%20d&e=")
    assert len({heard.headers["I-Twilio-Idempotency-Token"] for heard in listener.heard}) == 3
    form = listener.heard[2].form
    assert (form["MessageSid"], form["SmsSid"], form["SmsStatus"]) == (message.sid, message.sid, "delivered")
    assert (form["To"], form["From"]) == (PATIENT, identity.SENDER_NUMBER)
    assert form["MessagingServiceSid"] == identity.MESSAGING_SERVICE_SID
    assert form["RawDlrDoneDate"] == "2603020900"


def test_a_text_from_a_number_does_not_report_its_first_status(sandbox, listener):
    sandbox.messages.create(PATIENT, from_=identity.SENDER_NUMBER, body="x", status_callback=listener.url)
    sandbox.settle()
    assert listener.statuses() == ["sent", "delivered"]


def test_a_scheduled_text_reports_nothing_until_it_moves(sandbox, listener):
    kept = sandbox.schedule(START.add(days=1), status_callback=listener.url)
    dropped = sandbox.schedule(START.add(days=1), status_callback=listener.url)
    sandbox.settle()
    assert listener.heard == []
    dropped.update(status="canceled")
    sandbox.settle()
    assert listener.statuses() == ["canceled"]
    assert "From" not in listener.heard[0].form
    sandbox.set_clock(START.add(days=1))
    sandbox.settle()
    assert listener.statuses(kept.sid) == ["queued", "sent", "delivered"]


@pytest.mark.parametrize(
    ("result", "statuses", "code"),
    [
        ({"status": "undelivered"}, ["queued", "sent", "undelivered"], "30003"),
        ({"status": "failed", "error_code": 30007}, ["queued", "failed"], "30007"),
        ({"status": "sent"}, ["queued", "sent"], None),
    ],
)
def test_a_carrier_can_end_a_text_in_other_ways(sandbox, listener, result, statuses, code):
    sandbox.faults(carrier={PATIENT: result})
    message = sandbox.text(status_callback=listener.url)
    sandbox.text(to="+12025550177")
    sandbox.settle()
    assert listener.statuses() == statuses
    assert listener.heard[-1].form.get("ErrorCode") == code
    assert message.fetch().error_code == (int(code) if code else None)
    assert [text["status"] for text in sandbox.held("?to=%2B12025550177")] == ["delivered"]


def test_an_answer_of_500_is_not_tried_again_unless_the_fragment_says_so(sandbox, listener):
    listener.answers += [(500, "text/plain", "no")] * 3
    sandbox.text(status_callback=f"{listener.url}/plain")
    sandbox.settle()
    assert listener.statuses() == ["queued", "sent", "delivered"]
    listener.heard.clear()
    listener.answers += [(500, "text/plain", "no")] * 2
    sandbox.text(status_callback=f"{listener.url}/stubborn#rc=3&rp=5xx,ct,rt")
    sandbox.settle()
    assert listener.statuses() == ["queued", "queued", "queued", "sent", "delivered"]
    tokens = [heard.headers["I-Twilio-Idempotency-Token"] for heard in listener.heard]
    assert tokens[0] == tokens[1] == tokens[2] != tokens[3]


def test_a_site_that_is_down_is_tried_once_more_by_default(sandbox):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sandbox.text(status_callback=f"http://127.0.0.1:{taken.getsockname()[1]}/status")
        sandbox.settle()
    ended = sandbox.ask("GET", "callbacks")[1]["callbacks"]
    assert [(one["status"], one["outcome"], one["attempts"]) for one in ended][-3:] == [
        ("queued", "ct", 2),
        ("sent", "ct", 2),
        ("delivered", "ct", 2),
    ]


def test_the_fragment_is_read_within_twilios_limits():
    assert Overrides.of("http://a/b") == Overrides(5000, 15000, 15000, 1, frozenset({"ct"}))
    read = Overrides.of("http://a/b#rc=9&rp=all&ct=1&rt=99999&tt=2000")
    assert (read.rc, read.ct, read.rt, read.tt, read.retries("4xx")) == (5, 100, 15000, 2000, True)


def test_callbacks_can_be_lost(sandbox, listener):
    sandbox.faults(callbacks={"lost": 1})
    message = sandbox.text(status_callback=listener.url)
    sandbox.settle()
    assert (listener.heard, message.fetch().status) == ([], "delivered")


def test_callbacks_can_come_twice(sandbox, listener):
    sandbox.faults(callbacks={"doubled": 1})
    sandbox.text(status_callback=listener.url)
    sandbox.settle()
    assert listener.statuses() == ["queued", "queued", "sent", "sent", "delivered", "delivered"]


def test_callbacks_can_come_before_the_answer_to_the_create(sandbox, listener):
    sandbox.faults(callbacks={"early": 1})
    message = sandbox.text(status_callback=listener.url)
    assert listener.statuses(message.sid) == ["queued", "sent", "delivered"]
    assert message.status == "accepted"


def test_a_text_does_not_move_before_its_create_has_been_answered(sandbox, server):
    form = {"To": PATIENT, "Body": "x", "MessagingServiceSid": identity.MESSAGING_SERVICE_SID}
    answer = messages.create(server.exchange, Request("POST", "/", {}, urlencode(form).encode()))
    server.exchange.dispatcher.run_due()
    assert ([text["status"] for text in sandbox.held()], server.exchange.idle()) == (["accepted"], False)
    answer.after()
    sandbox.settle()
    assert [text["status"] for text in sandbox.held()] == ["delivered"]


def test_callbacks_can_come_in_any_order_but_all_come(sandbox, listener):
    sandbox.faults(callbacks={"shuffled": 1, "late_s": 0.2}, seed=7)
    sent = [sandbox.text(status_callback=listener.url).sid for _ in range(8)]
    sandbox.settle()
    orders = [listener.statuses(sid) for sid in sent]
    assert all(sorted(order) == ["delivered", "queued", "sent"] for order in orders)
    assert any(order != ["queued", "sent", "delivered"] for order in orders)


def test_callbacks_can_come_late(sandbox, listener):
    sandbox.faults(callbacks={"late": 1, "late_s": 1.2})
    message = sandbox.text(status_callback=listener.url)
    until(lambda: message.fetch().status == "delivered")
    assert listener.heard == []
    sandbox.settle()
    assert len(listener.heard) == 3


def test_the_services_own_callback_is_used_when_the_text_names_none(sandbox, listener):
    service = sandbox.client.messaging.v1.services(identity.MESSAGING_SERVICE_SID)
    service.update(status_callback=f"{listener.url}/service")
    sandbox.text()
    sandbox.text(status_callback=f"{listener.url}/own")
    sandbox.settle()
    assert sorted(heard.url.rsplit("/", 1)[1] for heard in listener.heard) == ["own"] * 3 + ["service"] * 3
