"""Which tests of pages run on one database only: those that show or refuse, and write nothing of their own.

What they call is tested on both in tests/actions and tests/queries. A test goes by its name, so that each database sees
half. One that names its databases keeps them.
"""

import os
from dataclasses import replace
from zlib import crc32

import pytest

from tests.stores import postgres_url

REAL_ACCOUNT = {"twilio_account_sid": "AC" + "0b" * 16, "twilio_base_url": ""}
ON_ONE = {
    "test_addresses",
    "test_alerts",
    "test_bad_input",
    "test_booking",
    "test_day",
    "test_erasing",
    "test_hardening",
    "test_hand_written",
    "test_keeping",
    "test_leaving",
    "test_links_in_texts",
    "test_manage_calendar",
    "test_manage_machines",
    "test_manage_refused",
    "test_passkeys",
    "test_patients",
    "test_query_counts",
    "test_readiness",
    "test_registration",
    "test_security",
    "test_weight",
}


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    """Give a test that needs one database the one its name stands for."""
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if metafunc.definition.path.stem in ON_ONE and "app" in metafunc.fixturenames and "app" not in named:
        one = [_store(metafunc.function.__name__)]
        metafunc.definition.add_marker(pytest.mark.parametrize("app", one, indirect=True))


def _store(name):
    if os.environ.get("TEST_STORE") == "sqlite" or not postgres_url():
        return "sqlite"
    return ("sqlite", "postgresql")[crc32(name.encode()) % 2]


@pytest.fixture
def go_live(app):
    """Give the site other settings until the test is over."""
    before = app.extensions["settings"]
    yield lambda **changed: app.extensions.update(settings=replace(before, **changed or REAL_ACCOUNT))
    app.extensions["settings"] = before
