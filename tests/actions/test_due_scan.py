"""The worker's look at the outbox reads what is due and no more, however much waits for later."""

import pytest

from reminder_site.actions import leasing
from reminder_site.db import db
from reminder_site.domain.delivery import Pace
from reminder_site.queries.delivery import next_action_at
from tests.delivering import a_text
from tests.statements import statements, ways

DUE, FEW, MANY = 3, 5, 60
BEYOND_TWILIO_MINUTES = 40 * 24 * 60


def look(now, may_leave=64):
    """Look as the worker does; return how many were found."""
    found = leasing.lease(owner="me", limit=64, may_leave=may_leave, pace=Pace(), now=now)
    next_action_at()
    return len(found)


def steps(now):
    """Count what SQLite's machine does in one look, in its own instructions."""
    counted = 0

    def count():
        nonlocal counted
        counted += 1

    with db.engine.connect() as connection:
        held = connection.connection.dbapi_connection
    held.set_progress_handler(count, 1)
    try:
        look(now)
    finally:
        held.set_progress_handler(None, 1)
    return counted


@pytest.mark.parametrize("may_leave", [64, DUE - 1])
def test_a_look_goes_by_the_index_of_what_is_due(clinic, now, may_leave):
    for minutes in range(DUE):
        a_text(clinic, now, in_minutes=-minutes)
    with statements() as sent:
        assert look(now, may_leave) == min(DUE, may_leave)
    of_messages = [one for one in sent if "FROM message" in one[0].replace("\n", " ")]
    assert len(of_messages) == 3
    for way in ways(of_messages):
        assert "ix_message_due" in way and "TEMP B-TREE" not in way, way


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_look_reads_no_more_when_much_more_waits_for_later(clinic, now):
    taken = []
    for more in (FEW, MANY):
        for number in range(more):
            a_text(clinic, now, in_minutes=BEYOND_TWILIO_MINUTES + number)
        look(now)
        taken.append(steps(now))
    assert taken[0] > 10
    assert taken[1] <= taken[0] + 5, taken
