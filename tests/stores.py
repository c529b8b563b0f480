"""Which of the bigger stores are at hand for the tests, and a loud word at the end when one is not.

Loaded as a pytest plugin by tests/conftest.py. REQUIRE_STORES=1, as the CI script sets it, makes that an error.
"""

import os
from functools import cache

import psycopg
import pytest
import redis

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL") or "postgresql://postgres@127.0.0.1:5432/postgres"
REDIS_URL = os.environ.get("TEST_REDIS_URL") or "redis://127.0.0.1:6379/5"
CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"


@cache
def postgres_url():
    """Return the address of a PostgreSQL that answers, or None."""
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=2).close()
    except psycopg.OperationalError:
        return None
    return POSTGRES_URL


@cache
def redis_url():
    """Return the address of a Redis that answers, or None."""
    try:
        with redis.Redis.from_url(REDIS_URL, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError:
        return None
    return REDIS_URL


@cache
def chromium():
    """Return the path of chromium, or None."""
    return CHROMIUM if os.access(CHROMIUM, os.X_OK) else None


def missing():
    """Say in words which parts of the suite cannot run here."""
    parts = {
        f"PostgreSQL ({POSTGRES_URL}; set TEST_POSTGRES_URL)": postgres_url(),
        f"Redis ({REDIS_URL}; set TEST_REDIS_URL)": redis_url(),
        f"the browser ({CHROMIUM}; set CHROMIUM)": chromium(),
    }
    return [words for words, found in parts.items() if not found]


def needed(url, name):
    """Return the store's address, or skip the test with a reason that shows."""
    if not url:
        pytest.skip(f"{name} does not answer here")
    return url


def pytest_configure(config):
    """Refuse to begin without a store that is required, in the one process that speaks to the person."""
    if os.environ.get("REQUIRE_STORES") == "1" and not hasattr(config, "workerinput") and missing():
        raise pytest.UsageError("REQUIRE_STORES=1, but these do not answer: " + "; ".join(missing()))


def pytest_terminal_summary(terminalreporter):
    """Name what was left out, where nobody can overlook it."""
    for words in missing():
        terminalreporter.write_line(f"LEFT OUT: the tests on {words}", red=True, bold=True)
