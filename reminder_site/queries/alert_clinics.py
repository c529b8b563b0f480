"""What alerts go by of each clinic: when it is open, how much of its daily limit is used, how long its inbox waits."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pendulum
from sqlalchemy import func, select

from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.domain import opening_hours
from reminder_site.domain.alert_measures import OfClinic
from reminder_site.domain.closed_days import closed_days
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES
from reminder_site.domain.times import first_valid, to_local
from reminder_site.models import Clinic, ClosedDay, InboundMessage, Message

_columns = "id", "public_id", "time_zone", "hours", "country", "region", "keeps_public_holidays", "daily_cap"


@dataclass(frozen=True)
class Opened:
    """A clinic and the days on which it is closed; `row` holds its columns."""

    row: Any
    closed: Mapping[date, str]

    def seconds(self, since: pendulum.DateTime, until: pendulum.DateTime) -> float:
        """Return for how many seconds between two moments (UTC) it was open."""
        begins, ends = (to_local(at, self.row.time_zone).replace(tzinfo=None) for at in (since, until))
        return opening_hours.seconds_open(self.row.hours, self.closed, begins, ends)

    def midnight(self, now: pendulum.DateTime, days: int) -> pendulum.DateTime:
        """Return when the day of a moment begins there, or one so many days later (UTC)."""
        on = to_local(now, self.row.time_zone).date() + timedelta(days=days)
        return first_valid(datetime.combine(on, time(0)), self.row.time_zone)[0].at


def all_clinics(*, now: pendulum.DateTime) -> list[Opened]:
    """Return every clinic with its closed days of this year and last."""
    own: dict[int, dict[date, str]] = defaultdict(dict)
    for clinic_id, on, name in db.session.execute(select(ClosedDay.clinic_id, ClosedDay.closed_on, ClosedDay.name)):
        own[clinic_id][on] = name
    rows = select(Clinic.created_at, *(getattr(Clinic, name) for name in _columns)).order_by(Clinic.id)
    return [Opened(row, _closed(row, own[row.id], (now.year - 1, now.year))) for row in db.session.execute(rows)]


def of_clinics(clinics: list[Opened], *, now: pendulum.DateTime) -> tuple[OfClinic, ...]:
    """Return the figures of each clinic."""
    waiting, oldest = _waiting(now), _oldest()
    return tuple(
        OfClinic(
            each.row.public_id,
            _used(each, now) / each.row.daily_cap if each.row.daily_cap else 0.0,
            waiting[each.row.id],
            each.seconds(oldest[each.row.id], now) if each.row.id in oldest else 0.0,
        )
        for each in clinics
    )


def _closed(row: Any, own: Mapping[date, str], years: tuple[int, ...]) -> Mapping[date, str]:
    return closed_days(row.country, row.region or None, years, own) if row.keeps_public_holidays else own


def _used(clinic: Opened, now: pendulum.DateTime) -> int:
    """Count the texts that reach phones today at the clinic, as actions.checks counts them."""
    today = Message.reaches_at >= clinic.midnight(now, 0), Message.reaches_at < clinic.midnight(now, 1)
    texts = select(Message.id).where(Message.clinic_id == clinic.row.id, Message.kind != "reply", *today)
    return db.session.scalar(select(func.count()).select_from(texts.subquery())) or 0


def _waiting(now: pendulum.DateTime) -> Counter[int]:
    """Count the texts that wait because a clinic's limit is reached; they are looked at again soon."""
    soon = Message.next_action_at <= now.add(minutes=CAP_AGAIN_MINUTES)
    held = Message.state == states.PENDING, Message.waits_for == "daily_limit"
    # Counted here: grouped there, SQLite would go through all texts, clinic by clinic, instead of those that are due.
    return Counter(db.session.scalars(select(Message.clinic_id).where(soon, *held)))


def _oldest() -> dict[int, pendulum.DateTime]:
    """Return since when the oldest text waits for a person at each clinic where one does."""
    waits = select(InboundMessage.clinic_id, func.min(InboundMessage.received_at))
    waits = waits.where(InboundMessage.needs_person.is_(True), InboundMessage.handled_at.is_(None))
    waits = waits.group_by(InboundMessage.clinic_id)
    return {clinic_id: since for clinic_id, since in db.session.execute(waits) if clinic_id is not None}
