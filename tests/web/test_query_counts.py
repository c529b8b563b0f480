"""A page asks the database the same few questions however much there is to show."""

from datetime import datetime, timedelta

import pytest
from flask import url_for
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Clinic, Patient
from tests import factories
from tests.statements import statements, ways
from tests.texting import link_to

FEW, MANY = 2, 30
MOST = {
    "day.home": 11,
    "day.week": 11,
    "patients.index": 11,
    "patients.show": 15,
    "appointments.show": 21,
    "moving.move": 11,
    "booking.new": 11,
    "inbox.index": 11,
    "parked.index": 11,
    "settings.overview": 11,
    "manage.show": 2,
}


def book(count):
    """Book so many appointments, one after the other, on the clinic's Monday; return the last."""
    clinic = db.session.scalars(select(Clinic)).one()
    starts = datetime(2026, 11, 2, 9, 30)
    with factories.at_once():
        for number in range(count):
            patient = factories.a_patient(clinic, f"Given{number}", f"Family{number}")
            made = factories.an_appointment(clinic, patient, starts + timedelta(minutes=10 * number))
    return made


def address(endpoint, appointment, now):
    """Write the address of a page about that appointment."""
    if endpoint == "manage.show":
        return link_to(appointment, now)
    patient = db.session.get(Patient, appointment.patient_id)
    blanks = {
        "day.week": {"on": "2026-11-02"}, "patients.show": {"patient_id": patient.public_id},
        "appointments.show": {"public_id": appointment.public_id}, "moving.move": {"public_id": appointment.public_id},
    }  # fmt: skip
    return url_for(endpoint, **blanks.get(endpoint, {}))


def asked(client, url):
    """Open a page; return what it asked the database."""
    db.session.remove()
    with statements() as sent:
        assert client.get(url).status_code == 200
    return [statement for statement, _parameters in sent]


@pytest.mark.parametrize("endpoint", MOST)
def test_a_page_asks_as_many_questions_about_thirty_as_about_two(client, app, clinic, now, endpoint):
    if endpoint != "manage.show":
        factories.sign_in(client, clinic)
    with app.test_request_context():
        url = address(endpoint, book(FEW), now)
    few = asked(client, url)
    book(MANY)
    many = asked(client, url)
    assert len(many) == len(few)
    assert len(many) <= MOST[endpoint], "\n".join(many)


def test_no_page_reads_all_that_is_planned(client, clinic):
    factories.sign_in(client, clinic)
    book(FEW)
    with statements() as sent:
        client.get("/")
    of_messages = [one for one in sent if "FROM message" in one[0].replace("\n", " ")]
    due = [one for one in of_messages if "next_action_at" in one[0]]  # the fourth counts by clinic and state
    assert (len(of_messages), len(due)) == (4, 3)
    assert all("ix_message_due" in way for way in ways(due))
