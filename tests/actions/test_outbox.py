"""Texts are taken back, whatever became of them, and what is taken back tells nobody that it comes."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import outbox
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.message_state import STATES
from reminder_site.models import Audit, Message
from tests import factories
from tests.delivering import a_text, history, now_as

LEFT_OR_OVER = {
    "accepted", "sent", "delivered", "read", "undelivered", "failed", "cancelled", "suppressed", "expired",
}  # fmt: skip
EACH = set(STATES) - {"unknown"}  # of the two in flight a number has one at a time
NUMBER, OTHER_SENDER = "+12125550142", "MG" + "7" * 32


def in_each_state(clinic, now, **columns):
    """One text in each state, by its state."""
    ids = {state: a_text(clinic, now, in_minutes=60, **columns) for state in EACH}
    with transaction() as session:
        for state, message_id in ids.items():
            session.execute(update(Message).where(Message.id == message_id).values(state=state))
    return ids


def unwanted(ids):
    """Those of some texts that are taken back by now."""
    return {state for state, message_id in ids.items() if not now_as(message_id).wanted}


def take_back(what, *whose, now):
    with transaction() as session:
        return what(session, *whose, why="she wants none", by=OPERATOR, now=now)


def test_an_opt_out_takes_back_whatever_may_still_leave_to_the_number_from_that_sender(clinic, now):
    ids = in_each_state(clinic, now, to_e164=NUMBER)
    others = [a_text(clinic, now), a_text(clinic, now, to_e164=NUMBER, sender=OTHER_SENDER)]
    sender = now_as(ids["pending"]).sender
    assert take_back(outbox.unwant_number, NUMBER, sender, now=now) == len(EACH - LEFT_OR_OVER)
    assert unwanted(ids) == EACH - LEFT_OR_OVER
    assert all(now_as(other).wanted for other in others)
    assert take_back(outbox.unwant_number, NUMBER, sender, now=now) == 0, "each is taken back once"


def test_withdrawn_consent_takes_back_whatever_may_still_leave_to_the_patient(clinic, now):
    carol, dave = factories.a_patient(clinic), factories.a_patient(clinic, "Dave")
    ids = in_each_state(clinic, now, patient_id=carol.id)
    other = a_text(clinic, now, patient_id=dave.id)
    assert take_back(outbox.unwant_patient, carol.id, now=now) == len(EACH - LEFT_OR_OVER)
    assert (unwanted(ids), now_as(other).wanted) == (EACH - LEFT_OR_OVER, True)
    assert take_back(outbox.unwant_patient, carol.id, now=now) == 0


@pytest.mark.parametrize(
    ("state", "sid", "doubtful", "becomes", "looked_at"),
    [
        ("pending", None, False, "cancelled", False),
        ("leased", None, False, "cancelled", False),
        ("scheduled", "SM1", False, "cancelling", True),
        ("submitting", None, False, "submitting", False),
        ("needs_review", None, False, "cancelled", False),
        ("needs_review", "SM1", False, "cancelling", True),
        ("needs_review", "SM1", True, "cancelling", True),
        ("needs_review", None, True, "needs_review", True),
    ],
)
def test_what_is_taken_back_is_cancelled_here_asked_back_or_cleared_up(
    clinic, now, state, sid, doubtful, becomes, looked_at
):
    message_id = a_text(clinic, now, in_minutes=60)
    stands = {"state": state, "sid": sid, "ever_unknown": doubtful, "next_action_at": None}
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**stands))
    take_back(outbox.unwant, [message_id], now=now)
    message = now_as(message_id)
    assert (message.state, message.wanted, message.next_action_at == now) == (becomes, False, looked_at)


@pytest.mark.parametrize("to", ["cancelled", "suppressed"])
def test_a_text_that_was_in_doubt_is_looked_for_once_more_before_a_twin_could_leave(clinic, now, to):
    soon, later, past = (a_text(clinic, now, in_minutes=minutes) for minutes in (10, 120, 0))
    with transaction() as session:
        session.execute(update(Message).values(state="leased", ever_unknown=True, reaches_at=now, next_action_at=None))
        for message_id in (soon, later, past):
            assert outbox.move(session, message_id, {"leased"}, to, words="over", by=OPERATOR, now=now)
    looks = [now_as(message_id).next_action_at for message_id in (soon, later, past)]
    assert looks == [now, now.add(minutes=80), None]
    assert {now_as(message_id).reaches_at for message_id in (soon, later, past)} == {None}


@pytest.mark.parametrize("to", ["pending", "cancelled", "suppressed", "expired"])
def test_what_does_not_reach_its_phone_any_more_does_not_count_there(clinic, now, to):
    message_id = a_text(clinic, now)
    with transaction() as session:
        session.execute(update(Message).values(state="leased", reaches_at=now))
        outbox.move(session, message_id, {"leased"}, to, words="back", by=OPERATOR, now=now)
    assert now_as(message_id).reaches_at is None


def test_each_move_is_told_once_and_kept_in_the_audit(clinic, now):
    message_id = a_text(clinic, now)
    with transaction() as session:
        assert not outbox.move(session, message_id, {"leased"}, "cancelled", words="no", by=OPERATOR, now=now)
        assert outbox.move(session, message_id, {"pending"}, "cancelled", words="not any more", by=OPERATOR, now=now)
    assert history(message_id) == ["planned", "not any more"]
    told = select(Audit.what).where(Audit.subject == now_as(message_id).public_id)
    assert db.session.scalars(told).all() == ["message.cancelled"]


def test_what_is_settled_or_taken_back_already_is_not_taken_back(clinic, now):
    ids = in_each_state(clinic, now)
    settled = LEFT_OR_OVER - {"accepted", "sent"}
    assert take_back(outbox.unwant, ids.values(), now=now) == len(EACH - settled)
    assert unwanted(ids) == EACH - settled
    assert take_back(outbox.unwant, ids.values(), now=now) == 0


def test_what_waits_for_a_clinics_settings_is_looked_at_again_and_nothing_else(clinic, now):
    later, oak = now.add(hours=1), factories.a_clinic("Oak Clinic")
    waiting = {"waits_for": "daily_limit"}
    ids = [a_text(place, now, **columns) for place, columns in [(clinic, waiting), (clinic, {}), (oak, waiting)]]
    ids.append(a_text(clinic, now, **waiting))
    with transaction() as session:
        session.execute(update(Message).values(next_action_at=later))
        session.execute(update(Message).where(Message.id == ids[3]).values(state="leased"))
    with transaction() as session:
        outbox.look_again(session, clinic.id, now=now)
    assert [now_as(each).next_action_at == now for each in ids] == [True, False, False, False]


@pytest.mark.parametrize("to", ["sent", "delivered", "failed"])
def test_a_text_that_has_left_is_finished(clinic, now, to):
    message_id = a_text(clinic, now)
    with transaction() as session:
        session.execute(update(Message).values(state="accepted"))
        assert outbox.move(session, message_id, {"accepted"}, to, words="left", by=OPERATOR, now=now)
    assert now_as(message_id).finished_at == now
