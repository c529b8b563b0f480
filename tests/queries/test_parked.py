"""Texts that wait for a person or for the daily limit are listed and counted at their own clinic."""

from sqlalchemy import update

from reminder_site.db import transaction
from reminder_site.models import Message
from reminder_site.queries import parked
from tests.delivering import a_text


def stands(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**columns))


def test_another_clinics_parked_texts_are_not_listed(clinic, oak, now):
    stands(a_text(oak, now), state="needs_review")
    stands(a_text(clinic, now, body="Elm Clinic: hello."), state="needs_review")
    assert [text.body for text in parked.listed(clinic_id=clinic.id, now=now)] == ["Elm Clinic: hello."]


def test_texts_that_wait_for_another_clinics_daily_limit_are_not_counted(clinic, oak, now):
    for place in (clinic, oak, oak):
        stands(a_text(place, now), waits_for="daily_limit")
    assert parked.over_the_limit(clinic.id, now=now) == 1


def test_a_parked_text_that_was_taken_back_is_of_no_use(clinic, now):
    for wanted in (True, False):
        stands(a_text(clinic, now), state="needs_review", wanted=wanted)
    assert {text.may_leave for text in parked.listed(clinic_id=clinic.id, now=now)} == {True, False}
