"""What an answer of Twilio's to one attempt does with its text, case by case."""

import pytest
from sqlalchemy import update

from reminder_site.actions import delivery, intents
from reminder_site.actions.delivery import Answer
from reminder_site.db import db, transaction
from reminder_site.domain.delivery import Outcome, Pace, not_sent, unclear
from reminder_site.models import Message
from reminder_site.queries.plans import is_opted_out
from tests.delivering import a_text, attempts, history, now_as

FIRST, SECOND = "SM" + "a" * 32, "SM" + "b" * 32
ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}


def stands(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**columns))


def handed_over(clinic, now, **columns):
    """A text that is being handed over, and the intent to."""
    message_id = a_text(clinic, now, **columns)
    stands(message_id, state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    return message_id, intents.intend(ids=[message_id], now=now, **ME)[message_id]


def answered(intent, outcome, now):
    assert delivery.record(answers=[Answer(intent, outcome, now)], pace=Pace()) == []


def refused(next_step):
    return Outcome("refused", next_step, "Twilio refused it", http_status=400, code=35125)


def taken(status, sid=FIRST):
    return Outcome("created", "taken", "Twilio took it", sid, status)


def test_what_was_not_made_is_tried_again_after_five_seconds_and_then_ever_later(clinic, now):
    message_id, intent = handed_over(clinic, now)
    other, _ = handed_over(clinic, now)
    stands(other, backoff_no=4)
    answered(intent, not_sent("no line"), now)
    text = now_as(message_id)
    assert (text.state, text.backoff_no, (text.next_action_at - now).total_seconds()) == ("pending", 1, 5)
    assert (now_as(other).state, now_as(other).backoff_no, attempts(other)) == ("submitting", 4, [""])


def test_what_nobody_wants_any_more_is_put_away_at_once_when_it_was_not_made(clinic, now):
    message_id, intent = handed_over(clinic, now)
    stands(message_id, wanted=False)
    answered(intent, not_sent("no line"), now)
    assert now_as(message_id).next_action_at == now


@pytest.mark.parametrize(
    ("hours", "local", "waits_hours"), [(25, False, 1), (24, True, 0), (23, True, 0), (30, False, 6)]
)
def test_what_twilio_cannot_hold_more_of_is_given_to_it_a_day_before_or_sent_from_here(
    clinic, now, hours, local, waits_hours
):
    message_id, intent = handed_over(clinic, now, in_minutes=hours * 60)
    answered(intent, refused("hold"), now)
    text = now_as(message_id)
    assert (text.state, text.local_only, text.next_action_at) == ("pending", local, now.add(hours=waits_hours))


@pytest.mark.parametrize(
    ("minutes", "status", "state"),
    [
        (60, "scheduled", "scheduled"),
        (60, "accepted", "scheduled"),
        (60, "queued", "scheduled"),
        (60, "sending", "accepted"),
        (60, "sent", "sent"),
        (0, "queued", "accepted"),
    ],
)
def test_a_text_with_its_send_time_is_held_until_twilio_says_that_it_leaves(clinic, now, minutes, status, state):
    message_id, intent = handed_over(clinic, now, in_minutes=minutes)
    answered(intent, taken(status), now)
    assert (now_as(message_id).state, now_as(message_id).sid) == (state, FIRST)


@pytest.mark.parametrize(("state", "swept"), [("scheduled", True), ("sent", False)])
def test_a_second_text_is_looked_for_before_it_leaves_while_the_first_is_held(clinic, now, state, swept):
    message_id, intent = handed_over(clinic, now, in_minutes=60)
    other, _ = handed_over(clinic, now, in_minutes=60)
    stands(message_id, state=state, sid=SECOND, provider_rank=40)
    stands(other, state="scheduled", sid="SM" + "c" * 32)
    answered(intent, taken("scheduled"), now)
    text = now_as(message_id)
    assert (text.sid, text.ever_unknown, text.next_action_at == now.add(minutes=20)) == (SECOND, swept, swept)
    assert not now_as(other).ever_unknown


def test_an_answer_about_a_former_attempt_leaves_the_present_one_alone(clinic, now):
    message_id, first = handed_over(clinic, now)
    stands(message_id, state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    assert intents.intend(ids=[message_id], now=now, **ME)[message_id]
    answered(first, unclear("the line broke"), now)
    assert (now_as(message_id).state, attempts(message_id)) == ("submitting", ["unknown", ""])


def test_an_unclear_text_is_looked_for_after_two_and_a_half_minutes(clinic, now):
    message_id, intent = handed_over(clinic, now)
    answered(intent, unclear("the line broke"), now)
    text = now_as(message_id)
    assert (text.state, text.ever_unknown, text.next_action_at) == ("unknown", True, now.add(seconds=150))


@pytest.mark.parametrize("late", ["first", "second"])
def test_an_opt_out_is_learnt_from_any_attempt_whatever_is_known_of_the_others(clinic, now, late):
    message_id, first = handed_over(clinic, now)
    stands(message_id, state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    second = intents.intend(ids=[message_id], now=now, **ME)[message_id]
    opted_out = Outcome("refused", "suppress", "opted out", http_status=400, code=21610)
    about = {"first": first, "second": second}
    answered(about.pop(late), not_sent("no line"), now)
    answered(*about.values(), opted_out, now)
    assert is_opted_out(db.session(), now_as(message_id).to_e164, now_as(message_id).sender)


def test_the_answer_to_a_text_whose_receipt_came_first_is_no_second_text(clinic, now):
    message_id, intent = handed_over(clinic, now, in_minutes=60)
    stands(message_id, state="scheduled", sid=FIRST, provider_rank=0, next_action_at=None)
    answered(intent, taken("scheduled"), now)
    assert (now_as(message_id).sid, now_as(message_id).ever_unknown) == (FIRST, False)
    assert "second text" not in " ".join(history(message_id))
