"""Opt-outs and the daily limit stop only what they are about: one sender, one clinic, one day there."""

import pytest
from sqlalchemy import update

from reminder_site.db import transaction
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES
from reminder_site.models import Clinic, OptOut
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, now_as, trouble

ANOTHER_SENDER = "MG" + "7" * 32


@pytest.fixture(autouse=True)
def quiet_callbacks(sandbox):
    trouble(sandbox)


def limit(texts):
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=texts))


@pytest.mark.parametrize(
    ("sender", "days"), [(MESSAGING_SERVICE_SID, 1), (ANOTHER_SENDER, None)], ids=["ended", "of another sender"]
)
def test_an_opt_out_that_is_not_in_force_for_this_sender_stops_no_text(clinic, worker, clock, sender, days):
    message_id = a_text(clinic, clock.now(), in_minutes=5)
    since = clock.now().subtract(days=2)
    asked = {"e164": now_as(message_id).to_e164, "sender": sender, "word": "STOP", "source": "text"}
    with transaction() as session:
        session.add(OptOut(**asked, started_at=since, ended_at=since.add(days=days) if days else None))
    clock.forward(minutes=5)
    worker.settle()
    assert now_as(message_id).sid


def test_the_texts_of_another_clinic_do_not_use_up_the_limit(clinic, worker, clock):
    oak = factories.a_clinic("Oak Clinic")
    limit(2)
    for _ in range(2):
        a_text(oak, clock.now())
    worker.settle()
    ours = a_text(clinic, clock.now())
    worker.settle()
    assert now_as(ours).sid


def test_replies_do_not_use_up_the_limit(clinic, worker, clock):
    limit(1)
    for _ in range(2):
        a_text(clinic, clock.now(), kind="reply")
    worker.settle()
    reminder = a_text(clinic, clock.now())
    worker.settle()
    assert now_as(reminder).sid


def test_the_limit_counts_the_texts_of_the_clinics_own_day(clinic, worker, clock):
    limit(1)
    a_text(clinic, clock.now())
    worker.settle()
    clock.forward(hours=14, minutes=55)  # five minutes before midnight in New York
    waiting = a_text(clinic, clock.now(), useful_minutes=900)
    worker.settle()
    assert now_as(waiting).sid is None and "limit of 1 text" in now_as(waiting).state_why
    clock.forward(hours=10, minutes=5 + CAP_AGAIN_MINUTES)
    worker.settle()
    assert now_as(waiting).sid
