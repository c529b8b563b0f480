"""How a process of the site starts from its settings, or says in one plain line why it cannot (exit code 2)."""

import os
import sys
from typing import NoReturn

from flask import Flask

from reminder_site.app import create_app
from reminder_site.config import BadSetting
from reminder_site.queries.schema import schema

CANNOT_START = 2
DRIVERS = {"psycopg", "redis"}


def start() -> Flask:
    """Build the site from the environment, its files for this user alone; ends the process when it cannot run.

    `flask` checks the tables command by command, because some are there to put them right; other servers have it here.
    """
    os.umask(0o077)
    try:
        app = create_app()
    except BadSetting as problem:
        _refuse(str(problem))
    except ImportError as missing:
        if missing.name not in DRIVERS:
            raise
        _refuse(f"{missing.name} is not installed: pip install -r requirements-scale.txt")
    except OSError as problem:
        _refuse(f"{problem.filename}: {problem.strerror}")
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        with app.app_context():
            if words := schema().words:
                _refuse(words)
    return app


def _refuse(words: str) -> NoReturn:
    print(f"Cannot start: {words}", file=sys.stderr, flush=True)  # noqa: T201 - there is no log yet
    sys.exit(CANNOT_START)
