"""Each request has an id that its lines and its answer carry; slow ones are noted; no line holds a patient's data."""

import json
import logging

import pytest
from flask import current_app

from reminder_site.web import request_log
from tests import factories
from tests.delivering import at_twilio, call_back
from tests.log_lines import log_lines
from tests.texting import link_to
from tests.web.desk import page, send
from tests.web.test_twilio_webhooks import INBOUND
from tests.web.test_twilio_webhooks import post as post

SANE = "8e03978e-40d5-43e8-bc93-6894a57f9324"
CANARIES = ("Canarina", "Wellensittich", "2125550147", "212) 555-0147", "zwitschern", "555-0147")
CAROL = {"first_name": "Canarina", "last_name": "Wellensittich", "phone": "(212) 555-0147", "consent": "spoken"}
FRIDAY = {"day": "2026-11-20", "time": "14:30", "note": "zwitschern"}


@pytest.fixture
def lines():
    """All that is logged meanwhile, also what is usually too little to be written."""
    with log_lines("json", logging.DEBUG) as written:
        yield written


def failing(*args, **kwargs):
    raise ValueError("Canarina Wellensittich, +12125550147: zwitschern")


def test_a_sane_id_of_somebody_in_front_is_kept_and_any_other_replaced(client):
    def answered(**headers):
        return client.get("/sign-in", headers=headers).headers["X-Request-ID"]

    assert answered(**{"X-Request-ID": SANE}) == SANE
    own = {answered(), answered(**{"X-Request-ID": "+12125550147"}), answered(**{"X-Request-ID": "x" * 65})}
    assert len(own) == 3 and all(len(each) == 16 for each in own)
    assert client.get("/nowhere", headers={"X-Request-ID": SANE}).headers["X-Request-ID"] == SANE


def test_every_line_of_a_request_carries_its_id_and_no_other_ones(client, clinic, lines):
    client.post("/webhooks/twilio/inbound", data={"Body": "x"}, headers={"X-Request-ID": SANE})
    logging.getLogger("reminder_site").warning("outside")
    told = [json.loads(line) for line in lines()]
    refused = [line["request_id"] for line in told if "had not signed" in line["event"]]
    assert refused == [SANE]
    assert [line.get("request_id") for line in told if line["event"] == "outside"] == [None]


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_slow_request_is_noted_by_its_route_alone(client, clinic, lines, monkeypatch):
    monkeypatch.setattr(request_log, "SLOW_SECONDS", -1)
    visit = factories.an_appointment(clinic, factories.a_patient(clinic))
    url = link_to(visit, current_app.extensions["clock"].now())
    assert client.get(f"{url}?from=Canarina").status_code == 200
    (slow,) = [json.loads(line) for line in lines() if "took long" in line]
    assert slow["event"] == "a request took long: manage.show" and slow["level"] == "warning"
    assert url.rsplit("/", 1)[1] not in "".join(lines())


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_canary_gets_into_the_log_through_a_whole_story(client, clinic, worker, clock, sandbox, post, lines):
    factories.sign_in(client, clinic)
    booked = send(client, "/appointments/new", {**CAROL, **FRIDAY})
    page(client, booked.location)
    worker.settle()
    held = at_twilio(sandbox)
    assert any("Canarina" in each.body for each in held)
    for each in held:
        token = each.status_callback.rsplit("/", 1)[1].partition("#")[0]
        call_back(client, token, each.sid, "undelivered", 30003)
    for body in ("1", "zwitschern, Canarina", "STOP"):
        post(INBOUND, {"From": "+12125550147", "To": "+15005550006", "Body": body})
    assert client.post(INBOUND, data={"From": "+12125550147", "Body": "zwitschern"}).status_code == 403
    logging.getLogger("twilio").info("asked for %s", "+12125550147")
    said = "".join(lines())
    assert "had not signed" in said
    assert [canary for canary in CANARIES if canary in said] == []


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_nor_does_one_get_in_through_a_mishap_of_a_page_or_of_the_worker(
    app, client, clinic, worker, lines, monkeypatch
):
    factories.sign_in(client, clinic)
    patient = factories.a_patient(clinic, "Canarina", "Wellensittich", phone_e164="+12125550147")
    factories.an_appointment(clinic, patient)
    app.testing = False
    try:
        monkeypatch.setitem(app.view_functions, "patients.show", failing)
        assert client.get(f"/patients/{patient.public_id}").status_code == 500
        monkeypatch.setattr(worker.sms, "create", failing)
        worker.settle()
    finally:
        app.testing = True
    said = [json.loads(line) for line in lines()]
    assert {"unexpected error at patients.show", "message"} <= {
        line["event"].partition(",")[0] if "unexpected" in line["event"] else line["event"].split()[0] for line in said
    }
    assert all("ValueError" in line["exception"] for line in said if line["level"] == "error")
    told = "".join(lines()).replace('raise ValueError(\\"Canarina Wellensittich, +12125550147: zwitschern\\")', "")
    assert [canary for canary in CANARIES if canary in told] == []
