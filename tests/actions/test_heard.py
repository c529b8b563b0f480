"""What a patient has heard, by the states of the texts about an appointment, and whether that misleads them."""

from datetime import datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from reminder_site.actions import appointment_rows, corrections
from reminder_site.db import db, transaction
from reminder_site.domain.message_state import STATES
from reminder_site.models import Message, Reminder
from tests import factories
from tests.delivering import a_text

REACHED = {"accepted", "sent", "delivered", "read"}
MAY_HAVE_LEFT = REACHED | {"submitting", "unknown", "needs_review"}
STARTS = datetime(2026, 11, 20, 14, 30)
HERE, ELSEWHERE = {"starts": "2026-11-20T14:30:00"}, {"starts": "2026-11-21T09:00:00"}


def visit(state="booked"):
    return SimpleNamespace(state=state, starts_local=STARTS, notice_kind="moved", notice_serial=1)


def told(state="delivered", facts=ELSEWHERE, *, key="3_days", wanted=False, planned=False):
    """A text of which nobody wants that it has left."""
    return SimpleNamespace(state=state, told=facts, step_key=key, wanted=wanted, planned=planned)


def misled(*texts, state="booked"):
    return corrections._is_misled(visit(state), texts)


def test_whoever_was_told_another_time_by_a_text_that_reached_them_is_misled():
    assert {state for state in STATES if misled(told(state))} == REACHED
    assert not misled(told(facts=HERE)) and not misled(told(facts=None))
    assert not misled(told(wanted=True))
    assert not misled(told(), told(facts=HERE, wanted=True)), "what was told last counts"


def test_whoever_is_told_how_it_stands_by_a_text_to_come_is_not_misled():
    to_come = {state for state in STATES if not misled(told(state, key="moved-1", planned=True), told())}
    assert to_come == set(STATES) - REACHED
    assert not misled(told(None, key="moved-1", planned=True), told()), "a skip says why"
    assert misled(told("pending", key="moved-1"), told())
    assert misled(told("pending", key="moved-0", planned=True), told())


def test_of_a_cancellation_only_those_are_misled_who_heard_of_it_and_then_that_it_is_on():
    off, on = told(key="cancelled-1"), told(key="still_on-2", facts=HERE)
    assert [misled(*texts, state="cancelled") for texts in ([off, on], [on], [on, off])] == [True, False, False]
    assert [misled(*texts) for texts in ([off], [off, on])] == [True, False]


@pytest.fixture
def texted(clinic, now):
    """An appointment with one text, and another with another; which text of it is in which state."""
    made, other = (factories.an_appointment(clinic, factories.a_patient(clinic)) for _ in range(2))
    with transaction() as session:
        session.execute(update(Message).values(state="pending"))
        session.execute(update(Message).where(Message.appointment_id == other.id).values(state="delivered"))
        first = session.scalar(select(Message.id).where(Message.appointment_id == made.id).limit(1))

    def stands(**columns):
        with transaction() as session:
            session.execute(update(Message).where(Message.id == first).values(**columns))
        return made

    return stands


@pytest.mark.parametrize("state", STATES)
def test_an_appointment_was_texted_about_if_a_text_has_left_or_may_have(texted, state):
    made = texted(state=state, ever_unknown=True)
    session = db.session()
    assert appointment_rows.has_been_texted(session, made, made.round) is (state in MAY_HAVE_LEFT)
    assert not appointment_rows.has_been_texted(session, made, made.round + 1)


@pytest.mark.parametrize(
    ("columns", "heard"),
    [({"ever_unknown": False}, False), ({"ever_unknown": True}, True), ({"ever_unknown": False, "sid": "SM1"}, True)],
)
def test_a_parked_text_that_was_never_tried_has_told_nobody(texted, columns, heard):
    made = texted(state="needs_review", **columns)
    assert appointment_rows.has_been_texted(db.session(), made, made.round) is heard


@pytest.mark.parametrize("state", STATES)
def test_a_phone_heard_of_the_end_by_the_last_text_that_has_left_or_may_have(clinic, now, texted, state):
    made = texted(state="delivered")
    with transaction() as session:
        reminder = session.scalar(select(Reminder).where(Reminder.appointment_id == made.id).limit(1))
        columns = {name: getattr(reminder, name) for name in Reminder.metadata.tables["reminder"].c.keys()}
        ended = Reminder(**columns | {"id": None, "public_id": "the-end", "step_key": "cancelled-1", "generation": 9})
        session.add(ended)
        session.flush()
        ended_id = ended.id
    text = a_text(clinic, now.add(days=30), reminder_id=ended_id, appointment_id=made.id)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == text).values(state=state, ever_unknown=True))
    assert appointment_rows.heard_of_its_end(db.session(), made) is (state in MAY_HAVE_LEFT)
