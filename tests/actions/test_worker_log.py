"""What a worker says of itself: once when something begins to hold texts up, and once when that is over."""

import pytest

from reminder_site.actions import heart, throttling
from reminder_site.db import transaction
from reminder_site.domain.delivery import Pace
from tests.delivering import a_text, carry_on, trouble


@pytest.fixture
def said(caplog):
    """Return what was said since last asked, by the site's own loggers."""

    def since():
        lines = [record.getMessage() for record in caplog.records if record.name.startswith("reminder_site")]
        caplog.clear()
        return lines

    return since


def test_a_hold_is_told_when_it_begins_and_when_it_is_over(app, clinic, worker, clock, sandbox, said):
    heart.beat(now=clock.now())
    clock.forward(minutes=6)
    worker.settle()
    worker.settle()
    assert said() == ["sending is on hold until Twilio's own lists were read", "the hold is over: texts leave again"]


def test_a_refused_account_is_told_once_and_so_is_its_end(app, clinic, worker, clock, said):
    worker.settle()
    with transaction() as session:
        heart.open_circuit(session, "20003", clock.now())
    carry_on(worker, clock, minutes=1)
    assert said() == ["Twilio refuses the account: texts wait"]
    heart.hear(theirs=clock.now(), took=True, now=clock.now())
    carry_on(worker, clock, minutes=1)
    assert said() == ["over: Twilio refuses the account: texts wait"]


def test_a_silent_twilio_is_told_once(app, clinic, worker, clock, said):
    throttling.fall_silent(since=clock.now(), why="no line", pace=Pace(), now=clock.now())
    carry_on(worker, clock, minutes=1)
    assert said()[0] == "Twilio does not answer: texts wait" and said() == []


def test_a_sender_that_pauses_is_told_by_its_code(clinic, worker, clock, sandbox, said):
    trouble(sandbox, {"kind": "sender_missing"})
    a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    (line,) = said()
    assert line == "a sender pauses, Twilio or carriers take nothing from it: 21701"
    trouble(sandbox)
    carry_on(worker, clock, minutes=3)
    assert said() == ["a sender pauses no longer"]
