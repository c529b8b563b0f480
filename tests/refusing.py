"""A database that refuses to record something, for tests: as on a full disk, all else goes on; or one that is down."""

from contextlib import contextmanager

from sqlalchemy import event, text

from reminder_site.db import db, migration_connection

ANSWERS, TEXTS = "UPDATE ON attempt", "INSERT ON inbound_message"
REFUSE = {
    "sqlite": ["CREATE TRIGGER refuse BEFORE {what} WHEN {when} BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'disk full' USING ERRCODE = 'check_violation'; END $$",
        "CREATE TRIGGER refuse BEFORE {what} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()",
    ],
}
ALLOW = {"sqlite": ["DROP TRIGGER refuse"], "postgresql": ["DROP FUNCTION refuse CASCADE"]}


def refuse(what=ANSWERS, when="true"):
    """Let no answer of Twilio's be recorded, or no text of a patient's be stored, or only some of them not."""
    _tell([statement.format(what=what, when=when) for statement in REFUSE[db.engine.dialect.name]])


def allow():
    """Let all be recorded again."""
    _tell(ALLOW[db.engine.dialect.name])


def _tell(statements):
    db.session.rollback()  # what was only looked at holds no lock
    with migration_connection() as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def stopped_database():
    """Have the database take no connection, as one that is down; those that were open are gone."""
    engine = db.engine

    def refuse_to_connect(dialect, *_):
        raise dialect.loaded_dbapi.OperationalError("the database is down")

    db.session.remove()
    engine.dispose()
    event.listen(engine, "do_connect", refuse_to_connect)
    try:
        yield
    finally:
        event.remove(engine, "do_connect", refuse_to_connect)
        db.session.remove()
