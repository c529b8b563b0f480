"""Tries whether the database can be changed, without leaving anything changed."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import delete, insert
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.db import db, give_way, retried, transaction
from reminder_site.models import ProbedWrite

AGAIN_SECONDS = 5.0
AFTER_FAILURE_SECONDS = 1.0  # there may be room again


class WriteProbe:
    """One process's; however often it is asked, it tries every few seconds at the most (by its stopwatch)."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._tried_at, self._succeeded = float("-inf"), True
        self._trying = threading.Lock()

    def succeeds(self) -> bool:
        """Say whether a row could be written and taken back, down to the disk, when it was last tried."""
        rest = AGAIN_SECONDS if self._succeeded else AFTER_FAILURE_SECONDS
        if self._monotonic() - self._tried_at >= rest and self._trying.acquire(blocking=False):
            try:
                self._succeeded = _succeeds()
                self._tried_at = self._monotonic()
            finally:
                self._trying.release()
        return self._succeeded


def _succeeds() -> bool:
    try:
        _write()
    except SQLAlchemyError:
        db.session.rollback()
        return False
    return True


@retried
def _write() -> None:
    with transaction() as session:
        give_way(session)
        made = session.execute(insert(ProbedWrite).values({}).returning(ProbedWrite.id)).scalar_one()
        session.execute(delete(ProbedWrite).where(ProbedWrite.id == made))
