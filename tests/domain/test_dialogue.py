"""What follows from each answer, for every way an appointment can stand."""

import pendulum
import pytest

from reminder_site.domain.dialogue import Standing, decide, take_back

NOW = pendulum.datetime(2026, 11, 18, 15)


def standing(hours_ahead=48, state="booked", answer="none", cancelled_by="", slot_taken=False):
    return Standing(NOW.add(hours=hours_ahead), state, answer, cancelled_by, slot_taken)


BY_PATIENT = {"state": "cancelled", "answer": "cannot_come", "cancelled_by": "patient"}
BY_DESK = {"state": "cancelled", "cancelled_by": "staff"}
DIALOGUE = [
    # how it stands, the answer, then: step, reply, does a person have to look
    ({}, "confirm", "confirm", "confirmed_reply", False),
    ({"answer": "confirmed"}, "confirm", "none", "confirmed_reply", False),
    ({"answer": "change_wanted"}, "confirm", "confirm", "confirmed_reply", False),
    ({}, "change", "ask_to_move", "change_reply", True),
    ({"answer": "confirmed"}, "change", "ask_to_move", "change_reply", True),
    ({}, "cannot_come", "cancel", "cannot_come_reply", False),
    ({"answer": "confirmed"}, "cannot_come", "cancel", "cannot_come_reply", False),
    ({"hours_ahead": 1}, "cannot_come", "cancel", "cannot_come_reply", True),
    ({"hours_ahead": 1}, "confirm", "confirm", "confirmed_reply", False),
    (BY_PATIENT, "confirm", "restore", "confirmed_reply", False),
    (BY_PATIENT | {"slot_taken": True}, "confirm", "none", "taken_reply", True),
    (BY_PATIENT, "cannot_come", "none", "cannot_come_reply", False),
    (BY_PATIENT, "change", "none", "cancelled_reply", True),
    (BY_DESK, "confirm", "none", "cancelled_reply", True),
    (BY_DESK, "change", "none", "cancelled_reply", True),
    (BY_DESK, "cannot_come", "none", "cancelled_reply", False),
    ({"hours_ahead": -1}, "confirm", "none", "past_reply", False),
    ({"hours_ahead": -1}, "cannot_come", "none", "past_reply", True),
    ({"hours_ahead": -1}, "change", "none", "past_reply", True),
    ({"hours_ahead": 0}, "confirm", "none", "past_reply", False),
    (BY_PATIENT | {"hours_ahead": -1}, "confirm", "none", "past_reply", False),
    ({}, "other", "none", "unclear_reply", True),
]


@pytest.mark.parametrize(("how", "kind", "step", "reply", "person"), DIALOGUE)
def test_an_answer_does_this(how, kind, step, reply, person):
    found = decide(kind, standing(**how), NOW)
    assert (found.step, found.reply, found.needs_person) == (step, reply, person)
    assert found.effect


@pytest.mark.parametrize(("minutes", "late"), [(120, False), (119, True), (1, True), (121, False)])
def test_notice_is_late_inside_the_last_two_hours(minutes, late):
    stands = Standing(NOW.add(minutes=minutes), "booked", "none", "")
    assert decide("cannot_come", stands, NOW).late_notice is late


UNDONE = [
    ({"answer": "confirmed"}, "take_back", False),
    ({"answer": "change_wanted"}, "take_back", False),
    ({}, "none", False),
    (BY_PATIENT, "take_back", False),
    (BY_PATIENT | {"slot_taken": True}, "none", True),
    (BY_PATIENT | {"hours_ahead": -1}, "none", False),
    (BY_DESK | {"answer": "confirmed"}, "none", False),
]


@pytest.mark.parametrize(("how", "step", "person"), UNDONE)
def test_undo_takes_back_only_what_the_patient_said(how, step, person):
    found = take_back(standing(**how), NOW)
    assert (found.step, found.needs_person) == (step, person)
