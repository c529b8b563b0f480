"""Every second around the edges of Twilio's window: exactly one text leaves, at its time, by the right route."""

import time
from collections import Counter

import pytest
from hypothesis import settings
from sqlalchemy import insert, select

from reminder_site.db import db, transaction
from reminder_site.domain.delivery import route
from reminder_site.models import Message
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.conftest import MONDAY
from tests.delivering import at_twilio, trouble

MINUTE, HOUR, DAY = 60, 3600, 86_400
NEAR = range(14 * MINUTE + 30, 16 * MINUTE + 30 + 1)
FAR = range(35 * DAY - 2 * HOUR, 35 * DAY + 2 * HOUR + 1)
FAR_EDGE, EVERY = 35 * DAY - HOUR, 13  # further away every 13th: each second of a minute, within thirteen
CLOSE = range(FAR_EDGE - 3 * MINUTE, FAR_EDGE + 3 * MINUTE + 1)
SEARCHING = settings.get_current_profile_name() == "searching"  # `make campaign` takes every second
AHEAD = [*NEAR, *(FAR if SEARCHING else sorted({*CLOSE, *FAR[::EVERY]}))]
PER_CLINIC = 240  # below the cap of a day, which is not loosened here
FIRST_NUMBER = 12_125_000_000


def number_of(seconds):
    return f"+{FIRST_NUMBER + seconds}"


def a_row(seconds):
    """The text for one second, as `add_message` puts it in the outbox."""
    send_at = MONDAY.add(seconds=seconds)
    useful_until = send_at.add(minutes=30)
    look_at = route(send_at=send_at, useful_until=useful_until, now=MONDAY).until or MONDAY
    return {
        "kind": "reminder", "channel": "sms", "dedupe_key": f"window:{seconds}", "to_e164": number_of(seconds),
        "sender": MESSAGING_SERVICE_SID, "body": "Elm Clinic: see you soon.", "created_at": MONDAY, "send_at": send_at,
        "useful_until": useful_until, "next_action_at": look_at,
    }  # fmt: skip


def put_in():
    """One text for each second, to numbers that tell which."""
    for start in range(0, len(AHEAD), PER_CLINIC):
        clinic = factories.a_clinic(f"Clinic {start}", rules=())
        rows = [a_row(seconds) | {"clinic_id": clinic.id} for seconds in AHEAD[start : start + PER_CLINIC]]
        with transaction() as session:
            session.execute(insert(Message), rows)


def moments():
    """When the worker looks: once a minute, and every second while the near ones fall due."""
    seconds = {*range(0, 3 * HOUR + MINUTE, MINUTE), *range(14 * MINUTE + 29, 16 * MINUTE + 31)}
    return [MONDAY.add(seconds=s) for s in sorted(seconds)]


@pytest.fixture
def done(app, worker, clock, sandbox, record_property):
    """Let three hours pass; then what Twilio holds, by the second it is for."""
    trouble(sandbox)
    put_in()
    started = time.thread_time()
    for at in moments():
        clock.set(at)
        worker.settle()
    spent = time.thread_time() - started
    record_property("cpu_ms_per_text", round(1000 * spent / len(AHEAD), 3))
    return {int(m.recipient[1:]) - FIRST_NUMBER: m for m in at_twilio(sandbox)}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_every_second_around_the_edges_sends_exactly_one_text_at_its_time(app, done, sandbox):
    assert len(AHEAD) == (14_522 if SEARCHING else 1563)
    assert Counter(m.recipient for m in at_twilio(sandbox)) == Counter(map(number_of, AHEAD))
    for seconds, held in done.items():
        due = MONDAY.add(seconds=seconds).timestamp()
        if seconds < 16 * MINUTE:
            assert (held.send_at, held.created_at) == (None, due)
        else:
            assert held.send_at == due
            assert 15 * MINUTE <= due - held.created_at <= 35 * DAY
    routes = db.session.execute(select(Message.send_at, Message.route, Message.attempt_no)).all()
    near = {(send_at - MONDAY).total_seconds() for send_at, route, _ in routes if route == "local"}
    assert near == set(range(14 * MINUTE + 30, 16 * MINUTE))
    assert {attempt_no for _, _, attempt_no in routes} == {1}
    sandbox.exchange.clock.set(MONDAY.add(days=36).timestamp(), speed=0)
    sandbox.exchange.dispatcher.run_due()
    for held in at_twilio(sandbox):
        assert held.sent_at == MONDAY.add(seconds=int(held.recipient[1:]) - FIRST_NUMBER).timestamp()
