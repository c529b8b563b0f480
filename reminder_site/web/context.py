"""What the layout shows on every staff page: the heartbeat, the inbox count, banners, the way to the pretend phones."""

from typing import Any

from flask import Flask, url_for

from reminder_site.config import Settings, settings
from reminder_site.domain.spoken import clock, duration_words
from reminder_site.domain.times import to_local
from reminder_site.queries import health, inbox
from reminder_site.queries.banners import Banner, banners, of_alerts, of_sign_ins
from reminder_site.queries.plans import sender_of
from reminder_site.web import current, sessions
from reminder_site.web.now import now

LEVELS = {"ok": "ok", "degraded": "warn", "down": "bad"}


def register(app: Flask) -> None:
    """Hand the layout what it shows, once for each page."""
    app.context_processor(_shown)


def _shown() -> dict[str, Any]:
    if not current.signed_in():
        return {"rehearsal": health.is_rehearsal()}
    known: Settings = settings()
    pulse = health.pulse(now=now())
    clinic = current.clinic()
    checks = health.judged(pulse, sender=sender_of(clinic), now=now())
    told = banners(role=current.staff().role, clinic_id=clinic.id, zone=clinic.time_zone, checks=checks, now=now())
    told += of_alerts(role=current.staff().role, clinics=current.clinic_ids(), zone=clinic.time_zone, now=now())
    told += of_sign_ins(me=current.staff(), now=sessions.real_now()) if pulse.guessed_at else []
    return {
        "heartbeat": _heartbeat(pulse, checks),
        "banners": [_banner(each) for each in told],
        "inbox_count": inbox.waiting(clinic.id, current.clinic_ids()),
        "sandbox_url": known.twilio_base_url,
    }


_FIXES = {
    "alerts": lambda: {"url": url_for("alerts.index"), "label": "Look at the alerts"},
    "accounts": lambda: {"url": url_for("staff.everyone"), "label": "Look at the accounts"},
    "drift": lambda: {"url": url_for("drift.show"), "label": "Compare and fix"},
    "parked": lambda: {"url": url_for("parked.index"), "label": "Look at them"},
}


def _banner(told: Banner) -> dict[str, Any]:
    return {"level": told.level, "words": told.words, "action": _FIXES[told.fixes]() if told.fixes else None}


def _heartbeat(found: health.Pulse, checks: health.Checks) -> dict[str, str]:
    parts = ["reminders: the worker has never run"]
    if found.beat_at is not None:
        parts = [f"reminders: last run {duration_words((now() - found.beat_at).total_seconds())} ago"]
    if found.next_at is not None:
        parts.append(f"next {clock(to_local(found.next_at, current.clinic().time_zone))}")
    parts.append(f"{found.overdue} overdue")
    level = LEVELS[health.worst(checks)]
    return {"words": ", ".join(parts), "level": level, "url": url_for("health.pulse")}
