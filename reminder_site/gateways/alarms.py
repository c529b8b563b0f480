"""The queue. Huey carries hints only ("look at the outbox"); the database is the truth, a lost hint costs one sweep."""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.serializer import SignedSerializer

log = logging.getLogger("reminder_site.alarms")


def make_queue(url: str, key: bytes) -> Huey:
    """Open the queue a URL names: sqlite:///path, postgresql://… or redis://…; raise ValueError on another one.

    Payloads are signed with `key`: whoever can write to the queue cannot have code run.
    """
    scheme = urlsplit(url).scheme.partition("+")[0]
    shared = {"results": False, "serializer": SignedSerializer(secret=key.hex(), salt="reminder-site")}
    if scheme == "sqlite":
        return SqliteHuey("reminders", filename=url.removeprefix("sqlite:///"), **shared)
    if scheme in {"postgresql", "postgres"}:
        return PostgresHuey("reminders", dsn=url, **shared)
    if scheme in {"redis", "rediss"}:
        return RedisHuey("reminders", url=url, **shared)
    raise ValueError(f"QUEUE_URL must begin with sqlite:///, postgresql:// or redis://, not {scheme!r}")


class Alarms:
    """Wakes the worker, at once or later; `look` is what the worker then does.

    A queue that does not answer costs one sweep and a line in the log, never what has just been saved.
    """

    def __init__(self, huey: Huey, look: Callable[[], None]) -> None:
        def wake() -> None:
            look()

        self.huey = huey
        self._task: Any = huey.task(name="look_at_the_outbox")(wake)

    def now(self) -> None:
        """Ask the worker to look at the outbox at once."""
        self._ask(self._task)

    def in_seconds(self, delay_seconds: float) -> None:
        """Ask the worker to look at the outbox after so many real seconds (a Huey delayed task)."""
        self._ask(lambda: self._task.schedule(delay=delay_seconds))

    def answer(self) -> bool:
        """Say whether the queue answers."""
        try:
            self.huey.pending_count()
        except Exception:
            log.exception("the queue does not answer")
            return False
        return True

    def _ask(self, hint: Callable[[], object]) -> None:
        try:
            hint()
        except Exception:
            log.exception("the queue did not take a hint; the sweep will find the work")


def alarms() -> Alarms:
    """Return the running site's alarms."""
    found: Alarms = current_app.extensions["alarms"]
    return found
