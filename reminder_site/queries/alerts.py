"""Alerts as managers and administrators see them: what fires, who was told, what is over; those of their clinics."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pendulum
from sqlalchemy import Select, or_, select

from reminder_site.db import db
from reminder_site.domain.alerts import BY_KEY, TEST_AGAIN_DAYS, Rule
from reminder_site.models import Alert, AlertNotice, Clinic, Staff

PAST = 20
NOTICES = 200


@dataclass(frozen=True)
class Told:
    """One time somebody was told, or is to be: by mail or webhook, whom, and what became of it; moments are UTC."""

    what: str
    way: str
    whom: Sequence[str]
    made_at: pendulum.DateTime
    sent_at: pendulum.DateTime | None
    next_try_at: pendulum.DateTime | None
    trouble: str
    arrived_at: pendulum.DateTime | None


@dataclass(frozen=True)
class Shown:
    """An alert; `id` is its public id, `place` the clinic or machine that it is about, moments are UTC."""

    id: str
    rule: Rule
    level: str
    place: str
    words: str
    since: pendulum.DateTime
    taken_at: pendulum.DateTime | None
    taken_by: str
    over_at: pendulum.DateTime | None
    told: list[Told] = field(default_factory=list)


def firing(clinic_ids: Collection[int]) -> list[Shown]:
    """List what fires for somebody of these clinics, the gravest first and then the oldest."""
    found = [_shown(row) for row in db.session.execute(_asked(clinic_ids).where(Alert.over_at.is_(None)))]
    return sorted(found, key=lambda alert: (alert.level != "page", alert.since))


def past(clinic_ids: Collection[int]) -> list[Shown]:
    """List what was over last."""
    ended = _asked(clinic_ids).where(Alert.over_at.is_not(None)).order_by(Alert.over_at.desc(), Alert.id.desc())
    return [_shown(row) for row in db.session.execute(ended.limit(PAST))]


def with_told(alerts: list[Shown]) -> list[Shown]:
    """Add to alerts whom they were told, and how that went."""
    since = min((alert.since for alert in alerts), default=None)
    if since is None:
        return alerts
    of: dict[str, list[Told]] = defaultdict(list)
    lately = select(AlertNotice).where(AlertNotice.made_at >= since).order_by(AlertNotice.id.desc()).limit(NOTICES)
    for notice in db.session.scalars(lately):
        for about in notice.about:
            of[about.get("id", "")].append(_told(notice, about["what"]))
    for alert in alerts:
        alert.told.extend(reversed(of[alert.id]))
    return alerts


def last_tests() -> list[Told]:
    """Return the last test of each way."""
    tests = select(AlertNotice).where(AlertNotice.token_hash.is_not(None)).order_by(AlertNotice.id.desc())
    found: dict[str, Told] = {}
    for notice in db.session.scalars(tests.limit(PAST)):
        found.setdefault(notice.way, _told(notice, "test"))
    return [found[way] for way in sorted(found)]


def test_is_due(tests: Sequence[Told], *, now: pendulum.DateTime) -> bool:
    """Say whether no test has arrived for a quarter of a year."""
    since = now.subtract(days=TEST_AGAIN_DAYS)
    return not any(test.arrived_at and test.arrived_at > since for test in tests)


def _asked(clinic_ids: Collection[int]) -> Select[Alert, str, str]:
    """Select the alerts about no clinic, or about one of these."""
    asked = select(Alert, Clinic.name, Staff.name.label("taken_by"))
    asked = asked.join(Clinic, Clinic.public_id == Alert.subject, isouter=True)
    asked = asked.join(Staff, Staff.id == Alert.taken_by_id, isouter=True)
    known = Alert.rule.in_(BY_KEY), Alert.firing_since.is_not(None)  # a rule may go with a new version
    return asked.where(*known, or_(Clinic.id.is_(None), Clinic.id.in_(clinic_ids)))


def _shown(row: Any) -> Shown:
    alert: Alert = row.Alert
    assert alert.firing_since is not None
    return Shown(
        id=alert.public_id,
        rule=BY_KEY[alert.rule],
        level=alert.level,
        place=row.name or alert.subject,
        words=alert.words,
        since=alert.firing_since,
        taken_at=alert.taken_at,
        taken_by=row.taken_by or "",
        over_at=alert.over_at,
    )


def _told(notice: AlertNotice, what: str) -> Told:
    return Told(
        what,
        notice.way,
        notice.whom,
        notice.made_at,
        notice.sent_at,
        notice.next_try_at,
        notice.trouble,
        notice.arrived_at,
    )
