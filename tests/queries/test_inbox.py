"""What waits for a person, and whether a number was answered lately."""

import pytest

from reminder_site.db import transaction
from reminder_site.models import InboundMessage
from reminder_site.queries import inbox
from tests.texting import PHONE

MINUTES = 10


@pytest.fixture
def came_in(clinic, now):
    """Let a text have come in, one that waits for a person unless said otherwise."""
    told = {"clinic_id": clinic.id, "from_e164": PHONE, "to": "x", "understood": "other", "needs_person": True}

    def come(number, **columns):
        with transaction() as session:
            row = {"sid": f"SM{number:032x}", "body": "hello", "reply": "", "received_at": now, **told, **columns}
            session.add(InboundMessage(**row))

    return come


def test_only_what_waits_at_this_clinic_and_is_not_handled_is_listed(clinic, oak, now, came_in):
    came_in(1, body="waits")
    came_in(2, body="handled", handled_at=now)
    came_in(3, body="plain", needs_person=False)
    came_in(4, body="elsewhere", clinic_id=oak.id)
    assert [text.body for text in inbox.listed(clinic_id=clinic.id)] == ["waits"]
    assert inbox.waiting(clinic.id) == 1


@pytest.mark.parametrize(
    ("columns", "answered"),
    [
        ({}, True),
        ({"from_e164": "+12125550177"}, False),
        ({"understood": "confirm"}, False),
        ({"reply": ""}, False),
    ],
    ids=["lately", "another number", "a plain answer", "not answered"],
)
def test_a_number_was_answered_lately_when_an_unclear_text_of_it_was(now, came_in, columns, answered):
    came_in(1, **{"reply": "We will be in touch."} | columns)
    assert inbox.replied_lately(PHONE, now=now.add(minutes=1), minutes=MINUTES) is answered


def test_an_answer_is_late_once_the_minutes_are_over(now, came_in):
    came_in(1, reply="We will be in touch.")
    for minutes, lately in ((MINUTES, False), (MINUTES - 1, True)):
        assert inbox.replied_lately(PHONE, now=now.add(minutes=minutes), minutes=MINUTES) is lately


def test_what_was_answered_to_a_text_is_known_by_the_text(came_in):
    came_in(1, reply="one")
    came_in(2, reply="")
    assert [inbox.reply_given(f"SM{number:032x}") for number in (1, 2, 3)] == ["one", "", None]
