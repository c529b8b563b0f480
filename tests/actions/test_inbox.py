"""What the desk does with a text concerns its own clinic's alone."""

import pytest

from reminder_site.actions import inbox
from reminder_site.db import transaction
from reminder_site.domain import refusals
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import InboundMessage
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID as OURS
from tests import factories
from tests.texting import PHONE


@pytest.fixture
def oak(app):
    return factories.a_clinic("Oak Clinic")


def came_in(number, place, now, **columns):
    """A text to our sender; returns its public id."""
    columns = {"from_e164": PHONE, "to": "x", "sender": OURS, "understood": "other", "body": "hello"} | columns
    with transaction() as session:
        row = InboundMessage(sid=f"SM{number:032x}", clinic_id=place and place.id, received_at=now, **columns)
        session.add(row)
        session.flush()
        return row.public_id


def test_another_clinics_text_is_not_there_whatever_it_came_from(clinic, oak, now):
    theirs = came_in(1, oak, now, from_e164="messenger:1")
    with pytest.raises(refusals.NotHere):
        inbox.stop_texts(clinic_id=clinic.id, inbound_id=theirs, by=OPERATOR, now=now)
