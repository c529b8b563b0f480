"""What tests of queries share: a second clinic, of which nothing may be read at the first."""

import pytest

from tests import factories


@pytest.fixture
def oak(app):
    """Oak Clinic, another clinic of the same site."""
    return factories.a_clinic("Oak Clinic")
