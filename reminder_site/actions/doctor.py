"""Looks over a site before and after it goes live: settings, database, queue, worker, and all that hangs on Twilio."""

from collections.abc import Iterator

import pendulum
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import readiness
from reminder_site.domain.readiness import Finding
from reminder_site.gateways import neighbour, twilio_account
from reminder_site.gateways.alarms import Alarms
from reminder_site.gateways.sms import Sms, SmsError
from reminder_site.models import Clinic
from reminder_site.queries import health
from reminder_site.queries.schema import schema

START = "Start it under the supervisor of this machine's services (docs/operating.md)."


def examine(*, sms: Sms, alarms: Alarms, now: pendulum.DateTime) -> Iterator[Finding]:
    """Say of each part how it is, one after the other as they are known; changes nothing.

    With a database that cannot be used only what does without it is looked at.
    """
    yield _settings()
    database = _database()
    yield database
    if database.level == "ok":
        yield from _here(alarms, now)
    yield from _at_twilio(sms, now, [settings().twilio_messaging_service_sid, *_senders(database)])


def inbound_url() -> str:
    """Return the address that texts of patients have to be brought to."""
    return f"{settings().public_base_url}/webhooks/twilio/inbound"


def _settings() -> Finding:
    known = settings()
    if known.uses_sandbox:
        step = "Put your own account into .env to go live (docs/operating.md)."
        return Finding("settings", "note", "texts go to the sandbox on this machine; no patient gets any", step)
    if not known.twilio_account_sid:
        step = "Put TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_MESSAGING_SERVICE_SID into .env."
        return Finding("settings", "wrong", "no Twilio account is set", step)
    return Finding("settings", "ok", f"a real account, at {known.public_base_url}")


def _database() -> Finding:
    found = schema()
    if found.standing == "silent":
        return Finding("database", "wrong", "it does not answer", "Is it running, and is DATABASE_URL right?")
    if found.words:
        return Finding("database", "wrong", found.words)
    try:
        _try_writing()
    except SQLAlchemyError as error:
        words = f"it cannot be written ({type(error).__name__})"
        return Finding("database", "wrong", words, "Is the disk full, or does the file belong to another user?")
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.engine.dialect.name]
    return Finding("database", "ok", f"{kind}, tables of version {found.found}, written just now")


@retried
def _try_writing() -> None:
    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = version_num"))


def _here(alarms: Alarms, now: pendulum.DateTime) -> Iterator[Finding]:
    worker = health.checks(now=now)["worker"]
    if worker.status == "down":
        yield Finding("worker", "wrong", worker.words, START)
    else:
        step = "flask --app wsgi health says more." if worker.status == "degraded" else ""
        yield Finding("worker", "ok" if not step else "note", worker.words, step)
    yield _queue(alarms, worker.status != "down")
    address = settings().public_base_url
    if neighbour.answers(address):
        yield Finding("address", "ok", f"the site answers at {address}")
    else:
        step = (
            "Is the web process running, and does the proxy lead there, under this very name and with its certificate?"
        )
        yield Finding("address", "wrong", f"no site answers at {address}", step)


def _queue(alarms: Alarms, somebody_listens: bool) -> Finding:
    if somebody_listens and alarms.goes_round():
        return Finding("queue", "ok", "a hint went round: given here, fetched by a worker")
    if alarms.answer() and not somebody_listens:
        return Finding("queue", "note", "it answers; a hint goes round only while a worker runs")
    if alarms.answer():
        return Finding("queue", "wrong", "a hint was given and no worker fetched it", START)
    step = f"Is it running, and is QUEUE_URL right? Until then texts leave up to {settings().sweep_seconds} s late."
    return Finding("queue", "wrong", "it does not answer", step)


def _senders(database: Finding) -> list[str]:
    """Return the Messaging Services of clinics that have their own."""
    if database.level != "ok":
        return []
    own = select(Clinic.sender).where(Clinic.sender.startswith("MG")).order_by(Clinic.sender).distinct()
    found = list(db.session.scalars(own))
    db.session.rollback()
    return found


def _at_twilio(sms: Sms, now: pendulum.DateTime, services: list[str]) -> Iterator[Finding]:
    sid = settings().twilio_account_sid
    if not sid:
        return
    told = sms.ask_time()
    yield readiness.of_clock((now - told).total_seconds() if told else None)
    try:
        yield readiness.of_account(twilio_account.account(sms, sid))
        for each in dict.fromkeys(filter(None, services)):
            yield from readiness.of_service(twilio_account.service(sms, each), each, inbound_url())
    except SmsError as error:
        yield _refused(error)


def _refused(error: SmsError) -> Finding:
    if error.code == 20003:
        step = "Look up account SID and auth token (or API key and secret) in the console, without blanks around them."
        return Finding("account", "wrong", "Twilio does not know these credentials (20003)", step)
    return Finding(
        "account", "wrong", f"Twilio could not be asked: {error}", "Can this machine reach https://api.twilio.com?"
    )
