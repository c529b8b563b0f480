"""Slow down when Twilio asks for it, stop while it is silent, and come back gently. One throttle for all workers."""

from collections.abc import Callable
from dataclasses import asdict

import pendulum
from sqlalchemy.orm import Session

from reminder_site.db import retried, transaction
from reminder_site.domain.delivery import Pace
from reminder_site.domain.throttle import Throttle
from reminder_site.gateways.sms import Sms, SmsError
from reminder_site.models import ThrottleRow
from reminder_site.queries.throttle import of_row, throttle

MOST_AT_ONCE = 1_000_000


class Bucket:
    """The leave-takings that are left to one transaction of intents; each belongs to a text that really leaves."""

    def __init__(self, session: Session, now: pendulum.DateTime) -> None:
        self._session, self._now, self._taken = session, now, 0
        self._is_limited = _is_limited(session)
        self._room: int | None = None

    def has_room(self) -> bool:
        """Say whether one more may leave now; from the first time on others wait for what this one takes."""
        if not self._is_limited:
            return True
        if self._room is None:
            self._room = _locked(self._session).allowance(MOST_AT_ONCE, self._now)
        return self._taken < self._room

    def take(self) -> None:
        """Take one out for a text that leaves."""
        self._taken += 1

    def settle(self) -> None:
        """Write down what was taken; part of the transaction that lets these texts leave."""
        if self._is_limited and self._taken:
            _change(self._session, lambda t: t.spent(self._taken, self._now, none_waits=False))


def rest(session: Session, *, now: pendulum.DateTime) -> None:
    """Do away with the bucket once the trouble is over: fewer wait to leave than may."""
    if _is_limited(session):
        _change(session, lambda t: t.spent(0, now, none_waits=True))


def _is_limited(session: Session) -> bool:
    row = session.get(ThrottleRow, 1)
    return row is not None and row.per_second is not None


def slow_down(*, now: pendulum.DateTime) -> None:
    """Halve the rate: Twilio answered 429, or its queue for our sender is full."""
    _write(lambda t: t.slowed(now))


def heed(error: SmsError, *, now: pendulum.DateTime) -> None:
    """Halve the rate when an answer to a question, or to a cancel, says that Twilio is asked too much."""
    if error.slow_down:
        slow_down(now=now)


def fall_silent(*, since: pendulum.DateTime, why: str, pace: Pace, now: pendulum.DateTime) -> None:
    """Stop handing over: Twilio has not answered since then (UTC)."""
    _write(lambda t: t.silent(since, why, pace, now))


def hear_again(*, now: pendulum.DateTime) -> None:
    """Start handing over again, gently, if it had been stopped: Twilio answered a text."""
    if throttle().down_since is not None:
        _write(lambda t: t.answered(now) if t.down_since else t)


def probe(*, sms: Sms, pace: Pace, now: pendulum.DateTime) -> None:
    """Ask Twilio something harmless, if it is time to; when it answers, one text may try its luck."""
    if _begins_to_ask(pace, now) and sms.answers():
        _write(lambda t: t.trying(now))


@retried
def _begins_to_ask(pace: Pace, now: pendulum.DateTime) -> bool:
    """Say whether it is time to ask, and if so, that somebody does."""
    with transaction() as session:
        due = _locked(session).probe_is_due(now)
        if due:
            _change(session, lambda t: t.asking(pace, now))
    return due


@retried
def _write(change: Callable[[Throttle], Throttle]) -> None:
    with transaction() as session:
        _change(session, change)


def _change(session: Session, change: Callable[[Throttle], Throttle]) -> None:
    before = _locked(session)
    after = change(before)
    if after != before:
        values = asdict(after)
        del values["full_rate"]
        session.merge(ThrottleRow(id=1, **values))


def _locked(session: Session) -> Throttle:
    return of_row(session.get(ThrottleRow, 1, with_for_update=True, populate_existing=True))
