"""A manager sees that our ledger and Twilio's lists differ, and puts it right with one button."""

import pytest
from sqlalchemy import select, update

from reminder_site.db import db, transaction
from reminder_site.models import Message
from tests import factories


@pytest.fixture
def lost_receipt(app, clinic, worker, clock):
    """A text that Twilio delivered without our hearing of it."""
    factories.an_appointment(clinic, factories.a_patient(clinic))
    clock.forward(minutes=3)
    worker.settle()
    clock.forward(minutes=30)
    with transaction() as session:
        session.execute(update(Message).values(next_action_at=None))
    return select(Message.state).where(Message.route == "local")


def post(client, url):
    page = client.get("/drift").get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    return client.post(url, data={"csrf_token": token}, follow_redirects=True)


def test_one_button_takes_over_what_twilio_knows_better(client, clinic, lost_receipt):
    factories.sign_in(client, clinic, "manager")
    assert db.session.scalar(lost_receipt) == "accepted"
    answer = post(client, "/drift/fix")
    assert "1 put right, 0 left" in answer.get_data(as_text=True)
    db.session.rollback()
    assert db.session.scalar(lost_receipt) == "delivered"


def test_the_desk_may_not_put_it_right(client, clinic, lost_receipt):
    factories.sign_in(client, clinic, "reception")
    assert client.get("/drift").status_code == 403
