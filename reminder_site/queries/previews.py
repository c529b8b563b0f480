"""What a receptionist sees before she saves: the plan of an appointment as if it were saved now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pendulum

from reminder_site.db import db
from reminder_site.domain import segments, spoken
from reminder_site.domain.delivery import route
from reminder_site.domain.phones import zones_of
from reminder_site.domain.planning import Facts, Notice, Step
from reminder_site.domain.refusals import TextTooLong
from reminder_site.domain.times import Placed, to_local
from reminder_site.queries.plans import LINK_FIELD, Ground, ground, texts_off_why


@dataclass(frozen=True)
class PreviewLine:
    """One line of the preview: `send_at` is UTC, `local` the clinic's wall time; both None when skipped."""

    key: str
    name: str
    send_at: pendulum.DateTime | None
    local: datetime | None
    when: str
    route: str
    text: str
    encoding: str
    segments: int
    reason: str
    why: str
    skipped: bool
    flagged: bool


def preview(
    *,
    clinic_id: int,
    starts: Placed,
    duration_minutes: int,
    first_name: str,
    clinician: str,
    phone_e164: str,
    phone_flag: str = "",
    agreed: bool,
    reminders_on: bool = True,
    patient_zone: str = "",
    wanted: bool = True,
    announced: bool = True,
    notice: Notice | None = None,
    link: str,
    now: pendulum.DateTime,
) -> list[PreviewLine]:
    """Plan an appointment as if saved now: each text, with `link` as in it, its instant, zone, route, size, reason."""
    base = ground(db.session(), clinic_id)
    off = texts_off_why(
        db.session(),
        base.clinic,
        phone_e164=phone_e164,
        phone_flag=phone_flag,
        agreed=agreed,
        reminders_on=reminders_on,
    )
    change: dict[str, Any] = {"wanted": wanted, "notice": notice, "announced": announced}
    change |= {"phone_zones": (patient_zone,) if patient_zone else zones_of(phone_e164)}
    facts = replace(_if_saved_now(starts, duration_minutes, off, now), **change)
    name, decided = first_name or "Ann", to_local(now, starts.zone)
    steps = base.steps(facts, now=now)
    about = {"first_name": name, "starts_local": starts.local, "clinician": clinician}
    return [
        _drawn(base, step, starts, now, link, about)
        for step in sorted(steps, key=lambda s: base.place(s.key, s.local, starts.local, decided))
    ]


def _if_saved_now(starts: Placed, duration_minutes: int, off: str | None, now: pendulum.DateTime) -> Facts:
    """Return what a plan depends on for an appointment that is saved now; `off` says why no text goes out."""
    return Facts(
        starts_at=starts.at,
        starts_local=starts.local,
        zone=starts.zone,
        ends_at=starts.at.add(minutes=duration_minutes),
        timed_at=now,
        texts_on=off is None,
        texts_off_why=off,
    )


def route_words(send_at: pendulum.DateTime, useful_until: pendulum.DateTime, now: pendulum.DateTime) -> str:
    """Say which way a text of this moment goes, as seen from now."""
    way = route(send_at=send_at, useful_until=useful_until, now=now)
    if way.way == "schedule":
        return "scheduled at Twilio"
    if way.way == "wait" and way.until == send_at:
        return "sent by this site"
    if way.way == "wait":
        return "kept here, scheduled at Twilio 35 days ahead"
    return "sent at once" if way.way == "send" else "too late"


def _drawn(
    base: Ground, step: Step, starts: Placed, now: pendulum.DateTime, link: str, about: Mapping[str, Any]
) -> PreviewLine:
    """Draw the line of a step; one whose text is too long says so, saving will refuse it."""
    try:
        return _line(step, base.text_of(step, **about).body.replace(LINK_FIELD, link), starts, now)
    except TextTooLong as refused:
        return replace(_line(step, "", starts, now), skipped=True, flagged=True, why=refused.words)


def _line(step: Step, text: str, starts: Placed, now: pendulum.DateTime) -> PreviewLine:
    size = segments.count(text)
    when = route = ""
    if step.send_at is not None and step.useful_until is not None:
        when = spoken.moment_words(step.send_at, starts.zone, now)
        route = route_words(step.send_at, step.useful_until, now)
    return PreviewLine(
        key=step.key,
        name=step.name,
        send_at=step.send_at,
        local=to_local(step.send_at, starts.zone) if step.send_at else None,
        when=when,
        route=route,
        text=text,
        encoding=size.encoding,
        segments=size.segments,
        reason=size.reason or "",
        why=step.why,
        skipped=step.skipped,
        flagged=step.flagged,
    )
