"""A parked text is not sent when Twilio has it, or when it is not wanted any more."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import parking
from reminder_site.db import db, transaction
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


@pytest.fixture
def parked(clinic, now):
    """Two parked texts, by their public ids."""
    ids = [a_text(clinic, now, in_minutes=60) for _ in range(2)]
    with transaction() as session:
        session.execute(update(Message).values(state="needs_review", next_action_at=None))
    return [now_as(each).public_id for each in ids]


def states():
    db.session.rollback()
    return dict(db.session.execute(select(Message.public_id, Message.state)).all())


@pytest.mark.parametrize("decide", [parking.send_anyway, parking.leave])
def test_what_is_decided_about_one_parked_text_touches_no_other(clinic, now, parked, decide):
    before = states()
    decide(clinic_id=clinic.id, message_id=parked[1], by=ALICE, now=now)
    assert states()[parked[0]] == before[parked[0]] and states()[parked[1]] != before[parked[1]]


@pytest.mark.parametrize("decide", [parking.send_anyway, parking.leave])
def test_a_text_that_is_not_parked_cannot_be_decided_about(clinic, now, decide):
    waiting = now_as(a_text(clinic, now, in_minutes=60)).public_id
    with pytest.raises(refusals.NotHere):
        decide(clinic_id=clinic.id, message_id=waiting, by=ALICE, now=now)


def test_sending_a_parked_text_rings_for_the_worker(app, clinic, now, parked):
    queue = app.extensions["alarms"]
    assert queue.flush()
    before = queue.huey.pending_count()
    parking.send_anyway(clinic_id=clinic.id, message_id=parked[0], by=ALICE, now=now)
    assert queue.flush() and queue.huey.pending_count() == before + 1
