"""The figures that alerts are judged by, each read by an index: every process that watches asks twice a minute."""

from typing import Any

import pendulum
from sqlalchemy import and_, func, select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.domain.alert_measures import HOLD_ENDS_BY_ITSELF_SECONDS, Figures, Usual
from reminder_site.models import (
    AlertWatch,
    Attempt,
    Clinic,
    Heartbeat,
    InboundMessage,
    Message,
    ProviderEvent,
    RefusedWebhook,
    SenderPause,
)
from reminder_site.queries.alert_clinics import Opened, all_clinics, of_clinics
from reminder_site.queries.throttle import throttle

USUAL_DAYS = 28
RECEIPTS_WITHIN_MINUTES = 5
NEWEST_INBOUND = 500
FAILED = states.FAILED, states.UNDELIVERED
FINAL = *FAILED, *states.ARRIVED
_count = func.count()
_failed = func.count().filter(Message.state.in_(FAILED))
_arrived = func.count().filter(Message.state.in_(states.ARRIVED))


def watch() -> AlertWatch:
    """Return the row of those who judge; an empty one before anybody did."""
    return db.session.get(AlertWatch, 1) or AlertWatch(id=1)


def is_rehearsal() -> bool:
    """Say whether this database is a copy made to rehearse a restore; raises what the database raises."""
    return db.session.scalar(select(Heartbeat.rehearsal_since).where(Heartbeat.id == 1)) is not None


def figures(
    *, host: str = "", disk: tuple[float | None, float | None] = (None, None), now: pendulum.DateTime
) -> Figures:
    """Read what alerts are judged by; `host` names the machine, `disk` says how much of its disk is free, and how long.

    A site without a heartbeat is silent since it began; one that is live and has no backup is without since then.
    """
    known, clinics = watch(), all_clinics(now=now)
    usual = Usual(**known.usual) if known.usual else Usual()
    heart = db.session.get(Heartbeat, 1)
    began_at = min((each.row.created_at for each in clinics), default=None)
    return Figures(
        is_open=any(each.seconds(now.subtract(seconds=1), now) for each in clinics),
        beat_at=heart.beat_at if heart else began_at,
        oldest_due_at=_oldest_due(now),
        usual=usual,
        needs_review=_of_any_clinic(Message.state == states.NEEDS_REVIEW),
        skew_seconds=heart.clock_skew_seconds if heart else 0,
        host=host,
        disk_free_ratio=disk[0],
        disk_full_seconds=disk[1],
        backup_at=(heart and heart.backup_at) or (began_at if settings().is_live else None),
        clinics=of_clinics(clinics, now=now),
        **_ended(now),
        **_receipts(now),
        **_replies(clinics, now),
        **_webhooks(now),
        **_stopped(heart),
        **_unclear(),
    )


def usual(*, now: pendulum.DateTime) -> Usual:
    """Reckon what the last four weeks had; to be asked seldom."""
    since = now.subtract(days=USUAL_DAYS)
    window = Message.finished_at >= since, Message.state.in_(FINAL)
    final, failed, arrived = db.session.execute(select(_count, _failed, _arrived).where(*window)).one()
    replies = db.session.scalar(select(_count).where(InboundMessage.received_at >= since)) or 0
    opened = max((each.seconds(since, now) for each in all_clinics(now=now)), default=0.0)
    return Usual(final, failed, arrived, replies, int(opened))


def _oldest_due(now: pendulum.DateTime) -> pendulum.DateTime | None:
    due = Message.next_action_at <= now, Message.state.in_(states.HELD_HERE)
    found: pendulum.DateTime | None = db.session.scalar(select(func.min(Message.next_action_at)).where(*due))
    return found


def _ended(now: pendulum.DateTime) -> dict[str, Any]:
    """Count what ended in the last hour, and name the code most of the failed ones had."""
    window = Message.finished_at >= now.subtract(hours=1), Message.finished_at <= now
    final, failed = db.session.execute(select(_count, _failed).where(*window, Message.state.in_(FINAL))).one()
    if not failed:
        return {"final": final, "failed": 0}
    by_code = select(Message.error_code, _count).where(*window, Message.state.in_(FAILED)).group_by(Message.error_code)
    code, _ = max(db.session.execute(by_code), key=lambda row: (row[1], row[0] or 0))
    commonest = f"{code} ({codes.of(code).words.rstrip('.')})" if code else ""
    return {"final": final, "failed": failed, "commonest": commonest}


def _receipts(now: pendulum.DateTime) -> dict[str, Any]:
    """Count the texts that should have brought a receipt by now, and the receipts since the first of them left."""
    since = now.subtract(minutes=30 + RECEIPTS_WITHIN_MINUTES)
    left = Message.reaches_at >= since, Message.reaches_at <= now.subtract(minutes=RECEIPTS_WITHIN_MINUTES)
    receipts = select(ProviderEvent.id).where(ProviderEvent.received_at >= since).limit(1)
    return {
        "left": _of_any_clinic(*left, Message.sid.is_not(None)),
        "receipts": 1 if db.session.scalar(receipts) is not None else 0,
    }


def _replies(clinics: list[Opened], now: pendulum.DateTime) -> dict[str, Any]:
    """Say how long no patient has texted, in hours that some clinic was open, and what arrived meanwhile."""
    newest = select(InboundMessage.received_at).order_by(InboundMessage.id.desc()).limit(1)
    last_at = max(db.session.scalar(newest) or now.subtract(days=USUAL_DAYS), now.subtract(days=USUAL_DAYS))
    since = Message.finished_at >= last_at, Message.state.in_(states.ARRIVED)
    silent = max((each.seconds(last_at, now) for each in clinics), default=0.0)
    return {"arrived_since": db.session.scalar(select(_count).where(*since)) or 0, "silent_seconds": silent}


def _webhooks(now: pendulum.DateTime) -> dict[str, Any]:
    """Count Twilio's webhooks of the last ten minutes: those refused for their signature, and those that left a row."""
    since = now.subtract(minutes=10)
    lately = RefusedWebhook.at > since, RefusedWebhook.reason == "signature"
    refused = db.session.scalar(select(func.sum(RefusedWebhook.times)).where(*lately)) or 0
    receipts = db.session.scalar(select(_count).select_from(ProviderEvent).where(ProviderEvent.received_at > since))
    newest = select(InboundMessage.received_at).order_by(InboundMessage.id.desc()).limit(NEWEST_INBOUND).subquery()
    inbound = db.session.scalar(select(_count).select_from(newest).where(newest.c.received_at > since))
    return {"refused": refused, "taken": (receipts or 0) + (inbound or 0)}


def _stopped(heart: Heartbeat | None) -> dict[str, Any]:
    """Say since when Twilio, the account, a sender or a hold keeps texts from leaving, and why; the longest of them."""
    held, found = throttle(), []
    if held.down_since:
        found.append((held.down_since, "Twilio does not answer"))
    for since, code in db.session.execute(select(SenderPause.since, SenderPause.code)):
        found.append((since, f"no text gets through from one of our senders, code {code}"))
    if heart and heart.circuit_since:
        found.append((heart.circuit_since, "Twilio refuses the account"))
    if heart and heart.hold_since:
        asks = f"; it waits for somebody's word: {heart.hold_asks}" if heart.hold_asks else ""
        wait_seconds = 0 if heart.hold_asks else HOLD_ENDS_BY_ITSELF_SECONDS
        found.append((heart.hold_since.add(seconds=wait_seconds), f"sending is on hold{asks}"))
    if not found:
        return {}
    since, why = min(found)
    return {"stopped_since": since, "stopped_why": why}


def _unclear() -> dict[str, Any]:
    """Count the texts of which nobody knows yet whether they left, and say since when the oldest is."""
    latest = Attempt.message_id == Message.id, Attempt.attempt_no == Message.attempt_no
    asked = select(_count, func.min(Attempt.intent_at)).select_from(Message).join(Attempt, and_(*latest))
    unclear, since = db.session.execute(asked.where(Message.state.in_(states.IN_FLIGHT))).one()
    return {"unclear": unclear, "unclear_since": since}


def _of_any_clinic(*which: Any) -> int:
    """Count messages clinic by clinic, as their indexes begin."""
    of_one = select(_count).select_from(Message).where(Message.clinic_id == Clinic.id, *which).correlate(Clinic)
    return db.session.scalar(select(func.sum(of_one.scalar_subquery())).select_from(Clinic)) or 0
