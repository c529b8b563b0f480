"""When a campaign may put the clock forward, case by case."""

import pendulum
import pytest

from tests.campaigns import calm

NOW = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")


def _at(seconds):
    return NOW.add(microseconds=int(seconds * 1e6))


def told(silent=None, **looks):
    """What the desk says: each state with the seconds to its first and its last look, or None where there is none."""
    moments = {state: (_at(first), _at(last)) for state, (first, last) in looks.items()}
    return {"now": NOW, "open": dict.fromkeys(looks, 1), "looks": moments, "silent_until": silent and _at(silent)}


@pytest.mark.parametrize(
    ("there", "seconds"),
    [
        (told(pending=(5, 20)), 20),
        (told(pending=(5, 900)), 65),
        (told(pending=(5, 20), unknown=(0.1, 1)), 20),
        (told(pending=(-3, 20), silent=4), 20),
        (told(pending=(-3, -2), silent=4), 4),
        (told(unknown=(0.2, 52)), 52),
        (told(unknown=(1, 2)), 1),
        (told(unknown=(1, 2), accepted=(100, 110)), 1),
        (told(accepted=(100, 110), scheduled=(3, 4)), 110),
    ],
)
def test_the_clock_goes_on_to_where_what_waits_can_be_done_together(there, seconds):
    assert calm.until(there) == _at(seconds)


@pytest.mark.parametrize(
    "there",
    [
        told(),
        told(pending=(-1, 20)),
        told(pending=(0.2, 20)),
        told(pending=(-1, 20), silent=-1),
        told(pending=(5, 20), submitting=(1, 1)),
        told(pending=(5, 20), leased=(-1, -1)),
        told(scheduled=(5, 20), cancelling=(-1, -1)),
        told(unknown=(0.3, 2)),
        told(accepted=(0.3, 110)),
    ],
)
def test_the_clock_is_left_alone_while_somebody_has_something_to_do(there):
    assert calm.until(there) is None
