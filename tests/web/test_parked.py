"""A text whose fate could not be cleared up is shown, and a person decides."""

import pytest
from sqlalchemy import select, update

from reminder_site.db import db, transaction
from reminder_site.models import Audit, Clinic, Message
from tests import factories
from tests.delivering import a_text


@pytest.fixture
def parked(app, clinic):
    """The confirmation of an appointment, parked."""
    factories.an_appointment(clinic, factories.a_patient(clinic))
    first = select(Message.id).order_by(Message.send_at).limit(1).scalar_subquery()
    with transaction() as session:
        columns = {"state": "needs_review", "next_action_at": None, "state_why": "could not be cleared up"}
        session.execute(update(Message).where(Message.id == first).values(**columns))
    return db.session.scalar(select(Message.public_id).where(Message.state == "needs_review"))


def post(client, address):
    page = client.get("/parked").get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    return client.post(address, data={"csrf_token": token}, follow_redirects=True).get_data(as_text=True)


def state_of(public_id):
    db.session.rollback()
    return db.session.scalar(select(Message.state).where(Message.public_id == public_id))


def test_every_page_says_that_it_waits(client, clinic, parked):
    factories.sign_in(client, clinic)
    page = client.get("/patients").get_data(as_text=True)
    assert "1 text needs a person" in page
    assert 'href="/parked"' in page


def test_every_page_says_what_the_daily_limit_holds_back(client, clinic, worker, clock):
    factories.sign_in(client, clinic)
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=1))
    for _ in range(3):
        a_text(clinic, clock.now(), useful_minutes=2000)
    worker.settle()
    assert "2 texts wait: the clinic&#39;s limit of texts a day is reached" in client.get("/patients").text


def test_it_leaves_when_somebody_says_so_and_that_is_on_record(client, clinic, parked, worker, clock):
    factories.sign_in(client, clinic)
    assert "The text leaves now." in post(client, f"/parked/{parked}/send")
    clock.forward(minutes=3)
    worker.settle()
    assert state_of(parked) == "accepted"
    actors = db.session.scalars(select(Audit.actor).where(Audit.subject == parked, Audit.what == "message.pending"))
    assert actors.all() == ["staff:Alice"]


def test_it_is_left_when_somebody_says_so(client, clinic, parked):
    factories.sign_in(client, clinic)
    assert "left unsent" in post(client, f"/parked/{parked}/leave")
    assert state_of(parked) == "cancelled"


def test_one_that_is_of_no_use_any_more_does_not_leave(client, clinic, parked, clock):
    factories.sign_in(client, clinic)
    with transaction() as session:
        session.execute(update(Message).values(useful_until=clock.now()))
    assert "can no longer be sent" in post(client, f"/parked/{parked}/send")
    assert state_of(parked) == "needs_review"


def test_another_clinics_text_is_not_here(client, clinic, parked):
    other = factories.a_clinic("Oak Clinic")
    factories.sign_in(client, other, name="Bob")
    page = client.get("/patients").get_data(as_text=True)
    assert "needs a person" not in page
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    assert client.post(f"/parked/{parked}/send", data={"csrf_token": token}).status_code == 404
