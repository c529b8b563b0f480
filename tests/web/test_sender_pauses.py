"""While a sender pauses: what every page and /healthz say, and the list of those who have to be told otherwise."""

import pytest
from sqlalchemy import update

from reminder_site.db import db, transaction
from reminder_site.models import Clinic, Message
from tests import factories
from tests.delivering import a_text, carry_on, now_as, trouble
from tests.web.desk import send

NOT_THERE = {"kind": "sender_missing"}


@pytest.fixture
def alice(client, clinic):
    """The receptionist, signed in."""
    return factories.sign_in(client, clinic)


def told_of_senders(client):
    answer = client.get("/healthz")
    return answer.status_code, answer.json["checks"]["senders"]


def test_every_page_and_health_say_since_when_and_what_it_means(client, clinic, alice, worker, clock, sandbox):
    assert told_of_senders(client)[1]["status"] == "ok"
    trouble(sandbox, NOT_THERE)
    a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    carry_on(worker, clock, minutes=3)
    page = client.get("/").text
    assert (
        "No text gets through from our sender: the Twilio messaging service is missing or wrong, since 9:00 am" in page
    )
    assert "1 overdue" in page
    status, told = told_of_senders(client)
    assert (status, told["since"]) == (503, "2026-11-02T14:00:00Z")
    assert "leave by themselves" in told["means_for_patients"] and "2125" not in str(told)
    trouble(sandbox)
    carry_on(worker, clock, minutes=16)
    assert "No text gets through" not in client.get("/").text


def test_the_pause_of_another_clinics_sender_is_not_told_here(client, clinic, alice, worker, clock):
    a_text(clinic, clock.now(), sender="MG" + "0" * 32, useful_minutes=600)
    worker.settle()
    assert "No text gets through" not in client.get("/").text
    status, told = told_of_senders(client)
    assert (status, told["status"]) == (200, "degraded"), "the clinics' own sender goes on"


def test_who_was_not_told_in_time_stands_in_the_list_until_somebody_has(client, clinic, alice, worker, clock, sandbox):
    trouble(sandbox, NOT_THERE)
    carol = factories.a_patient(clinic, phone_e164="+12125550142")
    message_id = a_text(clinic, clock.now(), to_e164="+12125550142", patient_id=carol.id, useful_minutes=10)
    worker.settle()
    carry_on(worker, clock, minutes=20)
    assert "1 text could not leave in time" in client.get("/").text
    page = client.get("/parked").text
    assert "Carol Reed" in page and 'href="tel:+12125550142"' in page and "see you on Friday" in page
    send(client, f"/parked/{now_as(message_id).public_id}/told", {}, opened="/parked")
    assert "Nothing needs a person" in client.get("/parked").text
    assert db.session.get(Message, message_id, populate_existing=True).waits_for == ""


def test_what_the_daily_limit_holds_past_its_time_is_overdue(client, clinic, alice, worker, clock):
    for _ in range(2):
        a_text(clinic, clock.now(), useful_minutes=600)
    limited(clinic, 1)
    worker.settle()
    clock.forward(minutes=2)
    assert "1 overdue" in client.get("/").text
    assert client.get("/healthz").json["checks"]["texts"]["words"] == "1 text is overdue"


def limited(clinic, cap):
    """Let the clinic text only so often a day."""
    with transaction() as session:
        session.execute(update(Clinic).where(Clinic.id == clinic.id).values(daily_cap=cap))
