"""`flask doctor`: what is found of a site and its Twilio account, in words with the next step, and as an exit code."""

import json

import pytest

from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests.delivering import answering

pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)
INBOUND = "/webhooks/twilio/inbound"


@pytest.fixture
def doctor(app, sandbox, worker):
    """A site that answers, its worker and its queue at work; returns what the doctor finds, by name, and its code."""
    worker.settle()
    app.extensions["alarms"].listen()

    def examine(*words, **service):
        base = app.extensions["settings"].public_base_url
        fields = {"inbound_request_url": base + INBOUND} | service
        kept = json.dumps(fields), MESSAGING_SERVICE_SID
        sandbox.exchange.store.rows("UPDATE service SET fields = ? WHERE sid = ?", *kept)
        done = app.test_cli_runner().invoke(args=["doctor", *words])
        lines = [line.split(maxsplit=2) for line in done.output.splitlines() if line and not line.startswith(" ")]
        return done.exit_code, {name: (level, words) for level, name, words in lines}

    with answering(app):
        yield examine
    app.extensions["alarms"].close()


def faults(sandbox, **more):
    sandbox.exchange.faults.put(more)


def test_a_site_that_is_well_exits_with_0(doctor):
    code, found = doctor()
    assert code == 0, found
    assert {level for level, _ in found.values()} == {"ok", "note"}
    assert {"database", "worker", "queue", "address", "clock", "account", "service", "brand", "inbound"} <= found.keys()


@pytest.mark.parametrize(
    ("switch", "name", "words"),
    [
        ({"account_status": "suspended"}, "account", "suspended"),
        ({"campaign_status": ""}, "campaign", "there is no 10DLC campaign"),
        ({"campaign_status": "IN_PROGRESS"}, "campaign", "until it is through"),
        ({"campaign_status": "FAILED"}, "campaign", "does not say how patients agree"),
        ({"brand_status": "SUSPENDED"}, "brand", "SUSPENDED"),
        ({"rules": [{"kind": "unauthorised", "on": "any"}]}, "account", "20003"),
        ({"rules": [{"kind": "reset_before", "on": "any"}]}, "account", "could not be asked"),
    ],
)
def test_what_is_wrong_at_twilio_is_named(doctor, sandbox, switch, name, words):
    faults(sandbox, **switch)
    code, found = doctor()
    assert code == 1 and found[name][0] == "WRONG" and words in found[name][1]


@pytest.mark.parametrize(
    ("service", "name", "words"),
    [
        ({"inbound_request_url": None}, "inbound", "go nowhere"),
        ({"inbound_request_url": "https://other.example/in"}, "inbound", "https://other.example/in"),
        ({"inbound_method": "GET"}, "inbound", "GET"),
        ({"use_inbound_webhook_on_number": True}, "inbound", "+15005550006"),
        ({"fallback_url": "https://other.example/in"}, "fallback", "answers patients"),
    ],
)
def test_where_texts_of_patients_go_is_checked(doctor, service, name, words):
    code, found = doctor(**service)
    assert code == 1 and found[name][0] == "WRONG" and words in found[name][1]


def test_a_toll_free_number_needs_its_verification_and_each_number_its_webhook(doctor, app, sandbox):
    here = app.extensions["settings"].public_base_url + INBOUND
    store = sandbox.exchange.store
    store.rows("UPDATE number SET number = '+18445550199', sms_url = ?", here)
    code, found = doctor(use_inbound_webhook_on_number=True)
    assert code == 0 and found["toll-free"][0] == "ok" and "brand" not in found and found["inbound"][0] == "ok"
    faults(sandbox, tollfree_status="TWILIO_REJECTED")
    code, found = doctor()
    assert code == 1 and "The opt-in cannot be seen." in found["toll-free"][1]


def test_a_trial_is_sent_only_when_asked_for_and_its_outcome_counts(doctor, sandbox):
    code, found = doctor("--phone", "+12125550123", "--wait", "0")
    assert found["scheduling"][0] == "ok" and found["text"][0] == "ok"
    assert code == 1 and found["reply"] == ("WRONG", "no reply came in")
    code, found = doctor("--phone", "0123")
    assert code == 2 and not found.keys() & {"text", "database"}


def test_a_hint_that_nobody_fetches_is_told(app, worker):
    worker.settle()
    done = app.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1 and "a hint was given and no worker fetched it" in done.output


def test_nothing_that_does_not_run_is_called_well(app, sandbox):
    done = app.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1
    for words in ("the worker has never run", "only while a worker runs", "no site answers at http://localhost"):
        assert words in done.output
