"""A parked text is not sent when Twilio has it, or when it is not wanted any more."""

import pytest
from sqlalchemy import update

from reminder_site.actions import parking
from reminder_site.db import transaction
from reminder_site.domain import refusals
from reminder_site.models import Message
from tests.appointing import ALICE
from tests.delivering import a_text, now_as


@pytest.mark.parametrize("columns", [{"sid": "SM" + "a" * 32}, {"wanted": False}], ids=["at Twilio", "taken back"])
def test_a_parked_text_that_may_not_leave_any_more_is_not_sent(clinic, now, columns):
    message_id = a_text(clinic, now, in_minutes=60)
    with transaction() as session:
        parked = {"state": "needs_review", "next_action_at": None, **columns}
        session.execute(update(Message).where(Message.id == message_id).values(**parked))
    with pytest.raises(refusals.TooLateToSend):
        parking.send_anyway(clinic_id=clinic.id, message_id=now_as(message_id).public_id, by=ALICE, now=now)
    assert now_as(message_id).state == "needs_review"
