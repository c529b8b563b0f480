"""Texts to the operator's own phone: sends them through the site's own sender, hears their receipts and their reply."""

import secrets
from typing import Any

import pendulum
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain import trial_texts
from reminder_site.domain.actor import Actor
from reminder_site.domain.delivery import Outcome
from reminder_site.domain.trial_texts import Kind, Trial
from reminder_site.gateways.sms import Sms, SmsError
from reminder_site.models import InboundMessage, TrialText
from reminder_site.queries.trial_texts import kept

EFFECT = "the reply to a trial text: nothing was changed"


def send(*, kind: Kind, phone: str, sms: Sms, by: Actor, now: pendulum.DateTime) -> int:
    """Send one trial text and return its id; what Twilio says against it stands in `standing`.

    One of kind "schedule" is withdrawn at once.
    """
    at = trial_texts.send_at(kind, now)
    code = f"{secrets.randbelow(10_000):04d}"
    trial_id = _intend(kind, phone, code, at, by, now)
    extras: dict[str, Any] = {"validity_period": trial_texts.VALIDITY_SECONDS} if kind == "validity" else {}
    outcome = sms.create(
        to=phone,
        body=trial_texts.BODIES[kind].format(code=code),
        sender=settings().twilio_messaging_service_sid,
        callback_url=f"{settings().public_base_url}/webhooks/twilio/status/{secrets.token_urlsafe(16)}",
        send_at=at,
        extras=extras,
    )
    _record(trial_id, outcome)
    if kind == "schedule" and outcome.sid:
        _withdraw(trial_id, outcome.sid, sms)
    return trial_id


def standing(*, trial_id: int, sms: Sms) -> Trial:
    """Say how a trial text stands here and at Twilio; where Twilio cannot be asked, by the receipts alone."""
    row, receipts = kept(trial_id)
    db.session.rollback()
    told = (row.kind, row.code)
    if row.sid is None:
        return Trial(*told, error_code=row.error_code)
    try:
        remote = sms.fetch(row.sid)
    except SmsError:
        remote = None
    status = remote.status if remote else (receipts[-1] if receipts else "accepted")
    code = remote.error_code if remote else row.error_code
    return Trial(*told, status, code or row.error_code, receipts, row.replied_at, row.by_webhook)


def take(session: Session, text: InboundMessage) -> bool:
    """Take a text that came in as the reply to a trial text, inside the caller's transaction; False when it is none."""
    word = trial_texts.CODE.fullmatch(text.body)
    if word is None:
        return False
    since = text.received_at.subtract(minutes=trial_texts.ANSWERED_WITHIN_MINUTES)
    open_still = TrialText.replied_at.is_(None), TrialText.made_at > since
    asked = TrialText.kind == "reply", TrialText.phone == text.from_e164, TrialText.code == word[1]
    came = {"replied_at": text.received_at, "by_webhook": text.found_at is None}
    taken = session.execute(update(TrialText).where(*asked, *open_still).values(**came).returning(TrialText.id))
    if taken.first() is None:
        return False
    text.effect = EFFECT
    return True


@retried
def _intend(kind: str, phone: str, code: str, at: pendulum.DateTime | None, by: Actor, now: pendulum.DateTime) -> int:
    with transaction() as session:
        old = now.subtract(days=trial_texts.KEPT_DAYS)
        session.execute(delete(TrialText).where(TrialText.made_at < old))
        row = TrialText(kind=kind, phone=phone, code=code, made_at=now, send_at=at)
        session.add(row)
        session.flush()
        audit.record(session, actor=by, what="trial.text", clinic_id=None, subject=str(row.id), facts={"kind": kind},
                     now=now)  # fmt: skip
        return row.id


@retried
def _record(trial_id: int, outcome: Outcome) -> None:
    with transaction() as session:
        came = {"sid": outcome.sid, "error_code": outcome.code}
        session.execute(update(TrialText).where(TrialText.id == trial_id).values(**came))


@retried
def _note_code(trial_id: int, code: int | None) -> None:
    with transaction() as session:
        session.execute(update(TrialText).where(TrialText.id == trial_id).values(error_code=code))


def _withdraw(trial_id: int, sid: str, sms: Sms) -> None:
    try:
        sms.cancel(sid)
    except SmsError as error:
        _note_code(trial_id, error.code)
