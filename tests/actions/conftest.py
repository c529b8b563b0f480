"""What tests of actions share: an appointment that was booked at the desk."""

import pytest

from tests.appointing import at, book


@pytest.fixture
def booked(clinic, now):
    """The public id of Carol's appointment, Friday 20 November at 2:30 pm."""
    return book(clinic, now, at(clinic, 2026, 11, 20, 14, 30))
