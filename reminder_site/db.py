"""The database session, the Moment column and the one way to write: `transaction()`. Knows no tables."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import pendulum
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, DateTime, Engine, MetaData, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(
    model_class=Base,
    session_options={"expire_on_commit": False, "autoflush": False},
    engine_options={"hide_parameters": True},
)
GIVE_WAY = text("SET LOCAL lock_timeout = '500ms'")
# PostgreSQL's serialization_failure, deadlock_detected, and unique_violation: what lost against somebody else's change.
CONFLICTS = frozenset({"40001", "40P01", "23505"})
MOST_TRIES = 6
LONGEST_PAUSE_SECONDS = 0.3
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
_writing: ContextVar[bool] = ContextVar("writing", default=False)
_only_looking: ContextVar[bool] = ContextVar("only_looking", default=False)
_sqlite_writer = threading.Lock()


class Moment(TypeDecorator[pendulum.DateTime]):
    """An instant: aware in Python (UTC), UTC in the database; refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        utc = _plain(value) - (value.utcoffset() or timedelta())
        return utc if dialect.name == "sqlite" else utc.replace(tzinfo=UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> pendulum.DateTime | None:
        if value is None:
            return None
        utc = _plain(value) - (value.utcoffset() or timedelta())
        date, time = (utc.year, utc.month, utc.day), (utc.hour, utc.minute, utc.second, utc.microsecond)
        return pendulum.DateTime(*date, *time, tzinfo=pendulum.UTC)


class OnlyLooking(Exception):
    """Something was to be written where only looking is allowed; nothing has been."""


@contextmanager
def only_looking() -> Iterator[None]:
    """Have every `transaction` inside raise OnlyLooking: what runs here changes nothing, whatever it is."""
    token = _only_looking.set(True)
    try:
        yield
    finally:
        _only_looking.reset(token)


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the one kind of write transaction; commit at the end, then run what `after_commit` was given.

    It starts from a fresh view: whatever the session had read before is read again.
    Nesting raises RuntimeError; inside `only_looking` it raises OnlyLooking.
    """
    if _only_looking.get():
        raise OnlyLooking
    if _writing.get():
        raise RuntimeError("transactions do not nest: public actions never call one another")
    session = db.session()
    session.rollback()
    session.expire_all()
    session.info.clear()
    lock = _sqlite_writer if db.engine.dialect.name == "sqlite" else None
    with lock or _nothing():
        token = _writing.set(True)
        try:
            yield session
            session.flush()
            for step in session.info.pop("before_commit", ()):
                step(session)
            session.commit()
        except BaseException:
            session.rollback()
            session.info.clear()
            raise
        finally:
            _writing.reset(token)
    for hook in session.info.pop("after_commit", ()):
        hook()


def retried(action: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Have a whole action run anew, with the same arguments, when it lost against somebody else's change.

    The database picks one of two that wait for each other, or that insert the same key, and undoes all it did; the
    next try sees what the other one made. Every function that opens a `transaction` carries this, and does nothing
    outside it that must not be done twice. After the last try the database's own error is raised.
    """

    @wraps(action)
    def until_it_passes(*args: _Given.args, **given: _Given.kwargs) -> _Result:
        for tried in range(1, MOST_TRIES):
            try:
                return action(*args, **given)
            except DBAPIError as error:
                if not lost_a_race(error):
                    raise
            time.sleep(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.02 * 2**tried)))  # noqa: S311 - spreads retries
        return action(*args, **given)

    return until_it_passes


def lost_a_race(error: DBAPIError) -> bool:
    """Say whether an error means that somebody else's change came first (PostgreSQL; SQLite has one writer)."""
    return getattr(error.orig, "sqlstate", None) in CONFLICTS


@contextmanager
def aside(session: Session) -> Iterator[None]:
    """Open a part of a transaction that may fail by itself: an error undoes that part alone, and is raised."""
    noted = {name: list(kept) for name, kept in session.info.items()}
    try:
        with session.begin_nested():
            yield
            session.flush()
    except BaseException:
        session.info.clear()
        session.info.update(noted)
        raise


def give_way(session: Session) -> None:
    """Have this transaction rather fail than wait long for a row or a lock that somebody else holds (PostgreSQL).

    Half a second is less than the second after which PostgreSQL looks for a circle of waiting and picks a victim.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(GIVE_WAY)


def before_commit(session: Session, step: Callable[[Session], None], *, first: bool = False) -> None:
    """Have a step run as the last thing inside this transaction (once, however often it is asked for).

    Steps run in the order they were asked for, `first` ones before the others.
    """
    steps = session.info.setdefault("before_commit", [])
    if step not in steps:
        steps.insert(0 if first else len(steps), step)


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Have a hook run once this transaction is committed; a rolled-back one drops it."""
    session.info.setdefault("after_commit", []).append(hook)


def prepare_engine(engine: Engine) -> None:
    """Set durability, time-outs and read-only views on every connection (reliability: fsync before we say saved)."""
    event.listen(engine, "checkout", _refuse_other_process)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "connect", _remember_process)
        event.listen(engine, "begin", _postgres_begin)


@contextmanager
def migration_connection() -> Iterator[Connection]:
    """Open a writing connection for migrations (schema changes are transactions of their own)."""
    token = _writing.set(True)
    try:
        with db.engine.connect() as connection:
            yield connection
            connection.commit()
    finally:
        _writing.reset(token)


def _plain(value: datetime) -> datetime:
    """Return the wall time alone, as the plain type that reckons several times as fast as pendulum's."""
    date, time = (value.year, value.month, value.day), (value.hour, value.minute, value.second, value.microsecond)
    return datetime(*date, *time)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _remember_process(dbapi_connection: Any, record: Any) -> None:
    record.info["pid"] = os.getpid()


def _refuse_other_process(dbapi_connection: Any, record: Any, proxy: Any) -> None:
    if record.info.get("pid") != os.getpid():
        raise RuntimeError("a database connection was carried across a fork: open it after forking")


def _sqlite_connect(dbapi_connection: Any, record: Any) -> None:
    _remember_process(dbapi_connection, record)
    dbapi_connection.isolation_level = None
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}").fetchall()


def _sqlite_begin(connection: Any) -> None:
    writing = _writing.get()
    if connection.info.get("writing") is not writing:
        connection.exec_driver_sql(f"PRAGMA query_only={0 if writing else 1}")
        connection.info["writing"] = writing
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgres_begin(connection: Any) -> None:
    writing = _writing.get()
    if connection.info.get("writing") is not writing:
        connection.connection.dbapi_connection.read_only = not writing  # BEGIN says so: no round trip of its own
        connection.info["writing"] = writing
