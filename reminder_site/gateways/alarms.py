"""The queue. Huey carries hints only ("look at the outbox"); the database is the truth, a lost hint costs one sweep."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import current_app
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.consumer import Consumer
from huey.serializer import SignedSerializer
from huey.storage import BaseSqlStorage, PostgresStorage, SqliteStorage

from reminder_site.gateways.hint_thread import HintThread

log = logging.getLogger("reminder_site.alarms")

SALT = "reminder-site"
ANSWER_SECONDS = 0.2
LAST_HINTS_SECONDS = 1.0
ROUND_SECONDS, ROUND_STEP_SECONDS = 2.0, 0.05
LISTENERS_END_SECONDS = 2.0
COMPLAIN_EVERY_SECONDS = 60.0
LISTENERS = ("huey.consumer.Worker", "huey.consumer.Scheduler")
# A consumer's read blocks for one second: a shorter time-out would end it before the queue answers.
REDIS_LIMITS = {"socket_connect_timeout": "1", "socket_timeout": "3"}
POSTGRES_LIMITS = {"connect_timeout": 3, "tcp_user_timeout": 5000, "keepalives_idle": 10, "keepalives_interval": 5}


class _KeyRing(SignedSerializer):
    """Signs with the first of some keys and takes what was signed with any: a key is changed while tasks wait."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        super().__init__(secret=keys[0].hex(), salt=SALT)
        self._others = [SignedSerializer(secret=key.hex(), salt=SALT) for key in keys[1:]]

    def deserialize(self, data: bytes) -> Any:
        """Read what was signed with any of the keys; raises ValueError."""
        for other in self._others:
            with suppress(ValueError):
                return other.deserialize(data)
        return super().deserialize(data)


class _TablesLater(BaseSqlStorage):
    """Makes its tables when it first connects: no process has to wait for its queue before it can start."""

    has_tables = False

    def _create_connection(self) -> Any:
        connection = super()._create_connection()
        if not self.has_tables:
            try:
                for statement in (self.begin_sql, *self.ddl, "commit"):
                    connection.execute(statement)
            except Exception:
                connection.close()
                raise
            self.has_tables = True
        return connection


class _Sqlite(_TablesLater, SqliteStorage):
    pass


class _Postgres(_TablesLater, PostgresStorage):
    pass


def make_queue(url: str, *keys: bytes) -> Huey:
    """Name the queue of a URL: sqlite:///path, postgresql://… or redis://…; raise ValueError on another one.

    Payloads are signed with the first key and taken with any: whoever can write to the queue cannot have code run.
    Nothing is connected yet.
    """
    scheme = urlsplit(url).scheme.partition("+")[0]
    shared = {"results": False, "serializer": _KeyRing(keys)}
    late = {"create_tables": False, **shared}
    if scheme == "sqlite":
        return SqliteHuey("reminders", filename=url.removeprefix("sqlite:///"), storage_class=_Sqlite, **late)
    if scheme in {"postgresql", "postgres"}:
        return PostgresHuey("reminders", dsn=url, storage_class=_Postgres, **POSTGRES_LIMITS, **late)
    if scheme in {"redis", "rediss"}:
        return RedisHuey("reminders", url=_with_limits(url), **shared)
    raise ValueError(f"QUEUE_URL must begin with sqlite:///, postgresql:// or redis://, not {scheme!r}")


class Alarms:
    """Wakes the worker, at once or later; `look` is what the worker then does.

    Hints are only noted here, and carried by a thread of this process (a forked one has its own). A queue that does not
    answer costs one sweep and a line in the log a minute, never anybody's time and never what has just been saved.
    """

    def __init__(self, huey: Huey, look: Callable[[], None]) -> None:
        def wake() -> None:
            look()

        self.huey = huey
        self._task: Any = huey.task(name="look_at_the_outbox")(wake)
        self._threads: dict[int, HintThread] = {}
        self._storage_of = os.getpid()
        self._inherited: list[Any] = []
        self._waiting = 0  # hints in the queue when it was last asked
        self._consumer: Consumer | None = None
        self._complaining = threading.Lock()
        self._complained_at = float("-inf")

    def now(self) -> None:
        """Ask the worker to look at the outbox at once."""
        self._hints().note()

    def in_seconds(self, delay_seconds: float) -> None:
        """Ask the worker to look at the outbox after so many real seconds (a Huey delayed task)."""
        self._hints().note(delay_seconds)

    def answer(self) -> bool:
        """Say whether the queue answers within a moment."""
        return self._hints().ask(ANSWER_SECONDS)

    def goes_round(self, seconds: float = ROUND_SECONDS) -> bool:
        """Give a hint and say whether a worker has fetched it within so many seconds."""
        self.now()
        ends_at = time.monotonic() + seconds
        while self.flush() and self.answer():
            if not self._waiting:
                return True
            if time.monotonic() > ends_at:
                break
            time.sleep(ROUND_STEP_SECONDS)
        return False

    def flush(self, seconds: float = LAST_HINTS_SECONDS) -> bool:
        """Wait until the hints given so far have left or are lost; False when the time was over before."""
        return self._hints().flush(seconds)

    def listen(self) -> None:
        """Hear the hints of all processes, on threads of Huey's, until `close`."""
        for name in LISTENERS:
            logging.getLogger(name).addFilter(self._is_news)
        self._consumer = Consumer(self.huey, workers=1, periodic=False, initial_delay=0.05, max_delay=0.2,
                                  shutdown_timeout=LISTENERS_END_SECONDS)  # fmt: skip
        self._consumer.start()

    def close(self) -> None:
        """Let the last hints leave, stop listening and hang up; threads that wait for a silent queue are left to it."""
        is_quiet = self.flush()
        if self._consumer is not None:
            self._consumer.stop(graceful=True)
            ends = [self._consumer.scheduler, *(thread for _, thread in self._consumer.worker_threads)]
            is_quiet = is_quiet and not any(thread.is_alive() for thread in ends)
            self._consumer = None
        for name in LISTENERS:
            logging.getLogger(name).removeFilter(self._is_news)
        if is_quiet:
            self.huey.storage.close()
            if hasattr(self.huey.storage, "pool"):
                self.huey.storage.pool.disconnect()  # closing the storage leaves Redis connections open

    def _hints(self) -> HintThread:
        here = os.getpid()
        return self._threads.get(here) or self._threads.setdefault(
            here, HintThread(self._send, self._ask, self._complain)
        )

    def _send(self, delay_seconds: float) -> None:
        self._open_here()
        if delay_seconds:
            self._task.schedule(delay=delay_seconds)
        else:
            self._task()

    def _ask(self) -> None:
        self._open_here()
        self._waiting = self.huey.pending_count()

    def _open_here(self) -> None:
        """Open the queue anew in a forked process: its parent uses the connection, and may have held the lock."""
        if self._storage_of != os.getpid():
            self._inherited.append(self.huey.storage)  # kept, for closing it here would hang up for the parent, too
            self.huey.storage = self.huey.create_storage()
            self._storage_of = os.getpid()

    def _is_news(self, record: logging.LogRecord) -> bool:
        """Keep Huey from logging a traceback several times a second while its queue does not answer."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, Exception) or not str(record.msg).startswith("Error "):
            return True
        self._complain(error)
        return False

    def _complain(self, error: Exception) -> None:
        with self._complaining:
            if time.monotonic() - self._complained_at < COMPLAIN_EVERY_SECONDS:
                return
            self._complained_at = time.monotonic()
        first_line = str(error).partition("\n")[0][:200]
        what = f"{type(error).__name__}: {first_line}"
        log.error("the queue does not answer well, the sweep will find the work (%s)", what)


def alarms() -> Alarms:
    """Return the running site's alarms."""
    found: Alarms = current_app.extensions["alarms"]
    return found


def _with_limits(url: str) -> str:
    """Give a Redis URL the time-outs that it does not name itself."""
    given = parse_qs(urlsplit(url).query)
    missing = urlencode({name: value for name, value in REDIS_LIMITS.items() if name not in given})
    return f"{url}{'&' if '?' in url else '?'}{missing}" if missing else url
