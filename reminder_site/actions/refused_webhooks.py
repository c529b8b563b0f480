"""Webhooks that were refused, counted so that a flood of them costs a write now and then, not one each."""

import threading
from collections import Counter

import pendulum
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.actions import tallies
from reminder_site.db import db, retried, transaction
from reminder_site.domain.tallies import REFUSED, label_of
from reminder_site.domain.watch_limits import REFUSED_MINUTES
from reminder_site.models import RefusedWebhook

WRITTEN_EVERY_SECONDS = 5
KEPT_DAYS = 1
Refusal = tuple[str, str]  # the door, the reason


class Refusals:
    """What one web process has refused and not yet written down."""

    def __init__(self) -> None:
        self._waiting: Counter[Refusal] = Counter()
        self._written_at: pendulum.DateTime | None = None
        self._noted_at: pendulum.DateTime | None = None
        self._lock = threading.Lock()

    def waiting(self, *, now: pendulum.DateTime) -> int:
        """Return how many of the last ten minutes are not written down yet; `now` is the machine's."""
        if self._noted_at is None or self._noted_at <= now.subtract(minutes=REFUSED_MINUTES):
            return 0
        return self._waiting.total()

    def note(self, door: str, reason: str, *, now: pendulum.DateTime) -> None:
        """Count one; `now` is the machine's. A database that refuses costs the count, never the answer."""
        with self._lock:
            self._waiting[door, reason] += 1
            self._noted_at = now
            if self._written_at is not None and abs((now - self._written_at).total_seconds()) < WRITTEN_EVERY_SECONDS:
                return
            self._written_at = now
        self.flush(now=now)

    def flush(self, *, now: pendulum.DateTime) -> None:
        """Write down what waits, if anything does: nobody may come for a long time."""
        with self._lock:
            found, self._waiting = self._waiting, Counter()
        if not found:
            return
        try:
            _write(found, now)
        except SQLAlchemyError:
            db.session.rollback()


@retried
def _write(found: Counter[Refusal], now: pendulum.DateTime) -> None:
    with transaction() as session:
        session.execute(delete(RefusedWebhook).where(RefusedWebhook.at < now.subtract(days=KEPT_DAYS)))
        for (door, reason), times in sorted(found.items()):
            session.add(RefusedWebhook(at=now, door=door, reason=reason, times=times))
        counts = {(REFUSED, label_of(*refusal)): times for refusal, times in found.items()}
        tallies.add(session, Counter(counts))
