"""The way from SQLite to PostgreSQL: every row, as it is, and it is not done before both sides were compared."""

from itertools import zip_longest

from sqlalchemy import Connection, Engine, Table, create_engine, func, make_url, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.actions.backups import facts_of
from reminder_site.db import Base, db

BATCH = 1000


class CannotMove(Exception):
    """The database is not to be moved, or did not arrive whole; the message says why."""


def transfer(*, to: str) -> dict[str, int]:
    """Copy the site's SQLite database into an empty PostgreSQL one of the same schema; return the rows by table.

    Can be begun again where it broke off. The site must not run meanwhile. Raises CannotMove.
    """
    if db.engine.dialect.name != "sqlite":
        raise CannotMove("the site does not run on SQLite")
    url = make_url(to)
    if url.get_backend_name() != "postgresql":
        raise CannotMove("the address to move to is not one of PostgreSQL's")
    target = create_engine(url.set(drivername="postgresql+psycopg"), hide_parameters=True)
    try:
        with db.engine.connect() as source:
            for table in Base.metadata.sorted_tables:
                _copy(source, target, table)
            return _compare(source, target)
    except SQLAlchemyError as error:
        raise CannotMove(f"PostgreSQL says: {error}") from error
    finally:
        target.dispose()


def _copy(source: Connection, target: Engine, table: Table) -> None:
    """Copy the rows that are not there yet, some at a time, and let the next number be a new one."""
    rows = select(table).order_by(*table.primary_key.columns)
    if numbered := "id" in table.c:
        with target.connect() as there:
            last = there.scalar(select(func.coalesce(func.max(table.c.id), 0)))
        rows = rows.where(table.c.id > last)
    for batch in source.execute(rows.execution_options(yield_per=BATCH)).mappings().partitions(BATCH):
        with target.begin() as there:
            there.execute(insert(table).on_conflict_do_nothing(), [dict(row) for row in batch])
    if numbered:
        with target.begin() as there:
            highest = f'SELECT coalesce(max(id), 0) + 1 FROM "{table.name}"'  # noqa: S608 - our own
            there.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), ({highest}), false)"))


def _compare(source: Connection, target: Engine) -> dict[str, int]:
    with target.connect() as there:
        ours = facts_of(lambda sql: source.execute(text(sql)).all())
        theirs = facts_of(lambda sql: there.execute(text(sql)).all())
        wrong = [name for name in ours if ours[name] != theirs[name]]
        if wrong:
            raise CannotMove(f"what arrived differs in {', '.join(wrong)}")
        _compare_audits(source, there)
    counts: dict[str, int] = ours["counts"]
    return counts


def _compare_audits(source: Connection, there: Connection) -> None:
    audit, after = Base.metadata.tables["audit"], 0
    while True:
        some = select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(BATCH)
        mine, arrived = source.execute(some).all(), there.execute(some).all()
        if mine != arrived:
            entry = next(one.id for one, other in zip_longest(mine, arrived) if one != other)
            raise CannotMove(f"entry {entry} of the audit did not arrive as it was")
        if not mine:
            return
        after = mine[-1].id
