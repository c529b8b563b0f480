"""A database that refuses to record what Twilio answered, for tests: as on a full disk, all else goes on."""

from sqlalchemy import text

from reminder_site.db import db, migration_connection

REFUSE = {
    "sqlite": ["CREATE TRIGGER refuse BEFORE UPDATE ON attempt BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE ON attempt FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
}
ALLOW = {"sqlite": ["DROP TRIGGER refuse"], "postgresql": ["DROP FUNCTION refuse CASCADE"]}


def refuse():
    """Let no answer be recorded."""
    _tell(REFUSE)


def allow():
    """Let answers be recorded again."""
    _tell(ALLOW)


def _tell(statements):
    with migration_connection() as connection:
        for statement in statements[db.engine.dialect.name]:
            connection.execute(text(statement))
