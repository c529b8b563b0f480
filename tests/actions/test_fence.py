"""The worker's own fence: a text whose worker was paused after its intent does not leave any more."""

import pytest

from tests.actions.test_delivery import held
from tests.delivering import a_text


@pytest.fixture
def fence(worker, clock):
    """The fence of an intent that is written now."""
    return worker.handing_over.fence(clock.now(), worker.monotonic())


def test_it_is_open_at_first_and_closed_after_a_minute(fence, clock):
    clock.forward(seconds=59)
    assert fence()
    clock.forward(seconds=1)
    assert not fence()


def test_a_wall_clock_put_back_does_not_open_it(fence, clock):
    clock.set(clock.now().subtract(hours=1))
    assert not fence()


def test_a_worker_that_slept_between_intent_and_first_byte_sends_nothing(clinic, worker, clock, sandbox, app):
    """The pause is a slow connect: the clock moves on while the line is being put up."""
    a_text(clinic, clock.now(), in_minutes=120)
    wire, connected = app.extensions["sms"]._wire, app.extensions["sms"]._wire._connected
    wire._connected = lambda place: (clock.forward(seconds=61), connected(place))[1]
    try:
        worker.look(lambda work, *given: work(*given))
    finally:
        del wire._connected
    assert held(sandbox) == []
