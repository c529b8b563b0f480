"""`python -m tests.mutants.stand`, inside a copy: runs tests when asked to, each time in a fork of this process.

The packages the site is made of are imported once, here; the site itself is imported anew by each fork, as it stands
then. Asked for with one line of JSON, {"ids": [...], "seconds": 60}; answers with one line: {"failed": the first test
that failed}, empty when none did, and "broken" when the tests could not be run at all.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys

import pytest

from tests.mutants.choosing import Chosen
from tests.mutants.place import TESTS

PACKAGES = (
    "alembic.context", "argon2", "bs4", "flask", "flask_limiter", "flask_login", "flask_migrate", "flask_sqlalchemy",
    "flask_wtf", "holidays", "html5lib", "huey", "hypothesis", "icalendar", "pendulum", "phonenumbers", "psycopg",
    "redis", "sqlalchemy.dialects.sqlite", "sqlalchemy.orm", "twilio.rest", "twilio.rest.api", "werkzeug.serving",
)  # fmt: skip
OPTIONS = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-o", "timeout=60", "-o", "addopts="]
HOUSE = ["--import-mode=importlib", "--strict-markers", "--strict-config"]
KNOWN = ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]  # hypothesis is a plugin as well


def main():
    """Answer one line after the other until there are no more."""
    for name in PACKAGES:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(_apart(asked)), flush=True)  # noqa: T201


def _apart(asked):
    """Run the tests in a fork; one that does not end is ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(_told(asked)).encode())
        os._exit(0)
    os.close(writing)
    told = _read(reading, asked["seconds"])
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return json.loads(told) if told else {"failed": "the time that they may take"}


def _told(asked):
    try:
        return {"failed": _run(asked)}
    except BaseException as error:  # noqa: BLE001 - it is told to whoever asked
        return {"failed": "", "broken": repr(error)}


def _read(pipe, seconds):
    told = b""
    while select.select([pipe], [], [], seconds)[0] and (more := os.read(pipe, 65536)):
        told += more
    return told


def _run(asked):
    """Run in this process, silently; return the first test that failed, empty when none did."""
    os.setpgid(0, 0)
    sys.dont_write_bytecode = not asked.get("warm")
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    if asked.get("warm"):  # so that what is compiled once is found by all later runs
        code = pytest.main([*OPTIONS, *HOUSE, *KNOWN, "--collect-only", *filter(os.path.exists, TESTS)])
        return "" if code == 0 else f"pytest ended with {int(code)}"
    if not asked.get("stores"):
        os.environ["TEST_STORE"] = "sqlite"
    chosen = Chosen(asked["ids"], sqlite_only=not asked.get("stores"))
    files = sorted({name.partition("::")[0] for name in asked["ids"]})
    code = pytest.main([*OPTIONS, *HOUSE, *KNOWN, *files], plugins=[chosen])
    return chosen.failed or ("" if code in {0, 5} else f"pytest ended with {int(code)}")


if __name__ == "__main__":
    main()
