"""Patients who are refused: each reads in words of theirs what is so and whom to phone; nobody pays for a neighbour."""

import pytest
from sqlalchemy.exc import OperationalError

from reminder_site.actions import links, locks
from reminder_site.db import transaction
from reminder_site.models import Appointment
from tests.factories import a_clinic, a_patient, an_appointment
from tests.patients_page import page_token, post, wait
from tests.texting import link_to

WRONG = "/m/" + "x" * 12
PHONE = '<a href="tel:+12125550100">(212) 555-0100</a>'
STAFFS_WORDS = ("day list", "sign in", "Clinic staff", "disk", "database", "nothing here", "Twilio", "a form")


@pytest.fixture(autouse=True)
def no_tries_yet(app):
    for limiter in app.extensions["limiter"]:
        limiter.reset()


@pytest.fixture
def visit(clinic):
    return an_appointment(clinic, a_patient(clinic))


@pytest.fixture
def path(visit, now):
    return link_to(visit, now)


def guess(client, number, address="203.0.113.7"):
    return client.get(f"/m/{number:012d}", environ_overrides={"REMOTE_ADDR": address}).status_code


def reads_well(page, title, *, phone=True):
    """A page of a patient's: a title, whom to phone, and nothing that is meant for staff."""
    assert f"<h1>{title}</h1>" in page and (PHONE in page) == phone
    assert "phone" in page and not [words for words in STAFFS_WORDS if words in page]


def test_a_link_that_has_ended_names_the_clinic_and_its_phone(client, path, visit, clock, now):
    a_clinic("Oak Clinic")
    clock.set(visit.starts_at.add(minutes=30, hours=24))
    expired = client.get(path)
    clock.set(now)
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        links.revoke(session, visit.id, now=now)
    revoked = client.get(path)
    assert (expired.status_code, revoked.status_code) == (410, 410)
    assert expired.text == revoked.text
    reads_well(revoked.text, "This link has ended")
    assert "Elm Clinic" in revoked.text and "Carol" not in revoked.text


def test_a_link_that_never_was_names_the_clinic_only_where_there_is_one(client, clinic):
    reads_well(client.get(WRONG).text, "This link does not open an appointment")
    a_clinic("Oak Clinic")
    page = client.get(f"{WRONG}/no/such/page").text
    reads_well(page, "This link does not open an appointment", phone=False)
    assert "Elm" not in page and "its number stands in the text message" in page


def test_a_press_on_a_link_that_ended_meanwhile_says_so(client, path, visit, now):
    token = page_token(client.get(path).text)
    wait(client)
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        links.revoke(session, visit.id, now=now)
    page = post(client, path, token, "confirm")
    assert page.status_code == 410
    reads_well(page.text, "This link has ended")


def test_a_database_that_refuses_is_told_in_a_patients_words(app, client, path, monkeypatch):
    token = page_token(client.get(path).text)
    wait(client)
    full = OperationalError("INSERT", {}, Exception("disk I/O error"))
    monkeypatch.setattr("reminder_site.actions.link_answers.press", lambda **_: (_ for _ in ()).throw(full))
    page = post(client, path, token, "confirm")
    assert page.status_code == 503
    reads_well(page.text, "This is not working just now")


def test_thirty_presses_of_one_link_are_enough_and_other_links_go_on(client, clinic, path, now):
    other = link_to(an_appointment(clinic, a_patient(clinic, "Ann")), now)
    pressed = [client.post(f"{path}/answer", data={"answer": "confirm"}) for _ in range(31)]
    assert [page.status_code for page in pressed] == [303] * 30 + [429]
    assert pressed[-1].headers["Retry-After"] == "600"
    reads_well(pressed[-1].text, "Please wait a little")
    assert client.get(path).status_code == 200
    assert client.post(f"{other}/answer", data={"answer": "confirm"}).status_code == 303


def test_thirty_wrong_links_are_enough_and_a_good_one_is_never_refused(client, path):
    assert [guess(client, number) for number in range(31)] == [404] * 30 + [429]
    neighbour = {"REMOTE_ADDR": "203.0.113.7"}
    assert client.get(path, environ_overrides=neighbour).status_code == 200
    assert client.post(f"{path}/answer", data={}, environ_overrides=neighbour).status_code == 303
    assert guess(client, 99, "203.0.113.8") == 404


def test_guesses_are_counted_by_the_network_a_household_has(client, clinic):
    addresses = [f"2001:db8:7:1::{number:x}" for number in range(31)]
    assert [guess(client, 0, address) for address in addresses] == [404] * 30 + [429]
    assert guess(client, 0, "2001:db8:7:2::1") == 404
    assert guess(client, 0, "::ffff:203.0.113.9") == 404
