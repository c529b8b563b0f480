"""The SQL a test's work sends to the database: how much of it, and how the database goes about it."""

from contextlib import contextmanager

from sqlalchemy import event

from reminder_site.db import db


@contextmanager
def statements(beginning="SELECT"):
    """Collect what is sent meanwhile that begins so, each with its parameters."""
    sent = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if statement.lstrip().startswith(beginning):
            sent.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def ways(sent):
    """Ask the database how it goes about these statements; tables are too small here for it to choose as it would."""
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.connect() as connection:
        if not sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        plans = [connection.exec_driver_sql(explain + statement, parameters).all() for statement, parameters in sent]
        return ["\n".join(str(row[-1]) for row in plan) for plan in plans]
