"""A demo that goes live: nothing planned for its made-up patients leaves, and what Twilio would hold is taken back."""

from dataclasses import replace

import pytest

from reminder_site.worker import Worker
from tests.delivering import a_text, at_twilio, now_as, trouble

MADE_UP, REAL = "+12125550142", "+12126540142"


@pytest.fixture
def go_live(app):
    """Give the site a public address until the test is over."""
    before = app.extensions["settings"]
    yield lambda: app.extensions.update(settings=replace(before, public_base_url="https://remind.example"))
    app.extensions["settings"] = before


def test_texts_to_made_up_numbers_are_taken_back_when_the_site_goes_live(clinic, app, worker, clock, sandbox, go_live):
    trouble(sandbox)
    waiting, there = (a_text(clinic, clock.now(), in_minutes=m, to_e164=MADE_UP) for m in (10, 90))
    real = a_text(clinic, clock.now(), in_minutes=10, to_e164=REAL)
    worker.settle()
    go_live()
    anew = Worker(app, monotonic=clock.monotonic)
    anew.settle()
    assert [now_as(text).state for text in (waiting, there, real)] == ["cancelled", "cancelled", "pending"]
    assert [text.status for text in at_twilio(sandbox, MADE_UP)] == ["canceled"]


def test_whatever_is_planned_for_them_later_does_not_leave(clinic, app, worker, clock, sandbox, go_live):
    trouble(sandbox)
    worker.settle()
    go_live()
    made_up, real = (a_text(clinic, clock.now(), to_e164=number) for number in (MADE_UP, REAL))
    worker.settle()
    assert now_as(made_up).state == "suppressed" and "made up" in now_as(made_up).state_why
    assert [text.recipient for text in at_twilio(sandbox)] == [REAL] and now_as(real).state == "accepted"


def test_the_demo_on_one_machine_texts_as_before(clinic, worker, clock, sandbox):
    a_text(clinic, clock.now(), to_e164=MADE_UP)
    worker.settle()
    assert len(at_twilio(sandbox)) == 1
