"""Notices about alerts on their way out: written with what they are about, told afterwards, tried again until taken."""

import hashlib
import logging
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.config import Settings, settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import alert_words, notice_retries
from reminder_site.domain.alert_judging import Event
from reminder_site.domain.alerts import BY_KEY, Severity
from reminder_site.domain.demo_accounts import EMAILS
from reminder_site.gateways import webhook
from reminder_site.gateways.mail import Mail, NotMailed
from reminder_site.models import AlertNotice, Clinic, Staff, StaffClinic

log = logging.getLogger("reminder_site.alerts")
AT_ONCE = 10
PAGE = "/settings/alerts"


@dataclass(frozen=True)
class Notice:
    """A notice that this process tells now."""

    id: int
    public_id: str
    way: str
    whom: list[str]
    about: list[dict[str, Any]]
    tries: int


def write(session: Session, events: Sequence[tuple[Event, str]], *, now: pendulum.DateTime) -> None:
    """Have people told of what has changed: one mail for each group of people, one call of the webhook for each event.

    Each event comes with the public id of its alert. Part of the transaction that noted it.
    """
    known = settings()
    mails: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for event, alert_id in events:
        clinic = session.scalars(select(Clinic).where(Clinic.public_id == event.standing.subject)).first()
        told = alert_words.about(event, clinic.name if clinic else event.standing.subject, alert_id)
        whom = _whom(session, event, clinic, known)
        if whom and known.smtp_url:
            mails[whom].append(told)
        if known.alert_webhook_url:
            session.add(_notice("webhook", (), [told], now))
    for whom, several in mails.items():
        session.add(_notice("mail", whom, several, now))


def write_test(session: Session, *, now: pendulum.DateTime) -> int:
    """Have a test sent each way that is set up, confirmed by a link of its own; return how many these are."""
    known = settings()
    ways = [("mail", known.operators)] if known.operators else []
    ways += [("webhook", ())] if known.alert_webhook_url else []
    for way, whom in ways:
        token = secrets.token_urlsafe(16)
        told = {**alert_words.TEST, "page": f"{known.public_base_url}{PAGE}/arrived/{token}"}
        notice = _notice(way, whom, [told], now)
        notice.token_hash = token_hash(token)
        session.add(notice)
    session.flush()
    return len(ways)


def token_hash(token: str) -> str:
    """Return what is kept of the token of a test's link."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def tell(*, now: pendulum.DateTime, machine_now: pendulum.DateTime) -> int:
    """Tell all that is due, with no transaction open; return how many notices were taken.

    `machine_now` (UTC) is what the far end goes by: a sandbox's clock may be elsewhere.
    """
    taken = 0
    for notice in _claim(now):
        trouble, sent = "", True
        try:
            trouble = _send(notice, machine_now)
        except (NotMailed, webhook.NotTaken) as error:
            trouble, sent = str(error), False
        except Exception as error:
            log.exception("notice %s could not be told", notice.public_id)
            trouble, sent = type(error).__name__, False  # it keeps no other waiting
        _record(notice, sent=sent, trouble=trouble, now=now)
        taken += sent
    return taken


def late(*, now: pendulum.DateTime) -> bool:
    """Say whether somebody should have been told for a while and was not."""
    since = now.subtract(minutes=notice_retries.LATE_MINUTES)
    waiting = select(AlertNotice.id).where(AlertNotice.next_try_at.is_not(None), AlertNotice.made_at <= since)
    return db.session.scalar(waiting.limit(1)) is not None


@retried
def _claim(now: pendulum.DateTime) -> list[Notice]:
    """Take what is due, the oldest first; another process may take it once this one had time enough."""
    with transaction() as session:
        due = select(AlertNotice).where(AlertNotice.next_try_at <= now).order_by(AlertNotice.id).limit(AT_ONCE)
        found = session.scalars(due.with_for_update(skip_locked=True)).all()
        for row in found:
            row.tries, row.next_try_at = row.tries + 1, now.add(seconds=notice_retries.SENDING_SECONDS)
        return [Notice(row.id, row.public_id, row.way, row.whom, row.about, row.tries) for row in found]


@retried
def _record(notice: Notice, *, sent: bool, trouble: str, now: pendulum.DateTime) -> None:
    wait = None if sent else notice_retries.wait_seconds(notice.tries)
    found: dict[str, Any] = {"trouble": trouble[:200], "next_try_at": now.add(seconds=wait) if wait else None}
    found |= {"sent_at": now} if sent else {}
    with transaction() as session:
        mine = AlertNotice.id == notice.id, AlertNotice.tries == notice.tries
        session.execute(update(AlertNotice).where(*mine).values(**found))


def _send(notice: Notice, now: pendulum.DateTime) -> str:
    known = settings()
    if not (known.alert_webhook_url if notice.way == "webhook" else known.smtp_url):
        raise webhook.NotTaken("no longer set up")
    if notice.way == "webhook":
        body = alert_words.webhook(notice.about[0], now=now)
        webhook.post(
            known.alert_webhook_url, known.alert_webhook_secret, webhook_id=f"evt_{notice.public_id}", body=body, at=now
        )
        return ""
    page = notice.about[0].get("page") or f"{known.public_base_url}{PAGE}"
    site = urlsplit(known.public_base_url).hostname or ""
    subject, text = alert_words.mail(notice.about, site=site, page=page, now=now)
    letter = Mail(known.smtp_url, known.alert_mail_from)
    return letter.send(to=notice.whom, subject=subject, text=text, message_id=f"alert.{notice.public_id}", now=now)


def _notice(way: str, whom: Sequence[str], about: list[dict[str, Any]], now: pendulum.DateTime) -> AlertNotice:
    return AlertNotice(way=way, whom=list(whom), about=about, made_at=now, next_try_at=now)


def _whom(session: Session, event: Event, clinic: Clinic | None, known: Settings) -> tuple[str, ...]:
    """Return the addresses that are told of an event; managers that there are not leave it to the operators."""
    severity: Severity = "page" if event.standing.level == "page" else "mail"
    told = BY_KEY[event.standing.rule].told(severity)
    managers = _managers(session, clinic.id) if clinic and told != "operators" else ()
    if told == "managers" and managers:
        return managers
    return tuple(dict.fromkeys((*known.operators, *managers)))


def _managers(session: Session, clinic_id: int) -> tuple[str, ...]:
    mine = select(Staff.email).join(StaffClinic, StaffClinic.staff_id == Staff.id)
    mine = mine.where(StaffClinic.clinic_id == clinic_id, Staff.role == "manager", Staff.active.is_(True))
    return tuple(sorted(set(session.scalars(mine)) - EMAILS))
