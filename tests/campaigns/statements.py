"""Compiled statements: kept by the process that all others are forked from, and lent to each of them (SQLite only).

A statement is found again for the same dialect object only, so that is lent as well. Neither knows any database.
"""

from reminder_site.db import db

_kept = {}


def keep(app):
    """Remember from now on what an app's engine compiles."""
    with app.app_context():
        _kept.update(dialect=db.engine.dialect, compiled={})
        lend(app)


def lend(app):
    """Give an app's engine what was compiled before, if anything was."""
    with app.app_context():
        if _kept and db.engine.dialect.name == _kept["dialect"].name:
            db.engine.dialect = _kept["dialect"]
            db.engine.update_execution_options(compiled_cache=_kept["compiled"])
