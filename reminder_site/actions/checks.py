"""The last look before a text leaves: is it still wanted, allowed, and of use? Runs inside the intent's transaction."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import Integer, bindparam, func, select
from sqlalchemy.orm import Session

from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.times import first_valid, to_local
from reminder_site.models import Clinic, Message, Patient
from reminder_site.queries.plans import is_opted_out

LATE_MINUTES = 10
AUTOMATIC = frozenset({"reminder"})


_m = Message.metadata.tables["message"]
TODAY = select(_m.c.id).where(
    _m.c.clinic_id == bindparam("clinic_id"), _m.c.kind != "reply", _m.c.handed_at > bindparam("day_ago")
)
SENT_TODAY = select(func.count()).select_from(TODAY.limit(bindparam("cap", type_=Integer)).subquery())


@dataclass(frozen=True)
class Verdict:
    """Empty when the text may leave; else the state it ends in, or the moment (UTC) to look again, with the reason."""

    ends_as: str = ""
    until: pendulum.DateTime | None = None
    words: str = ""


def last_check(session: Session, message: Message, *, now: pendulum.DateTime) -> Verdict:
    """Decide whether a message that is about to leave may leave."""
    if not message.wanted:
        return Verdict(states.CANCELLED, words=f"cancelled: {message.unwanted_why}")
    if message.kind != "reply" and is_opted_out(session, message.to_e164, message.sender):
        return Verdict(states.SUPPRESSED, words="not sent: this number has opted out of texts")
    clinic = session.get_one(Clinic, message.clinic_id)
    if not clinic.texting_on:
        return Verdict(until=now.add(minutes=CAP_AGAIN_MINUTES), words="texting is switched off for this clinic")
    if moved_away := _other_number(session, message):
        return moved_away
    return _late_at_night(message, clinic, now) or _cap(session, message, clinic, now)


def _other_number(session: Session, message: Message) -> Verdict | None:
    if message.patient_id is None or message.kind == "reply":
        return None
    patient = session.get_one(Patient, message.patient_id)
    if patient.phone_e164 != message.to_e164:
        return Verdict(states.CANCELLED, words="cancelled: the patient has another number now")
    if message.kind in AUTOMATIC and not patient.reminders_on:
        return Verdict(states.CANCELLED, words="cancelled: reminders are off for this patient")
    return None


def _late_at_night(message: Message, clinic: Clinic, now: pendulum.DateTime) -> Verdict | None:
    """A reminder held up past its time must not ring at night: it waits for the next opening if it is still of use."""
    if message.kind not in AUTOMATIC or now < message.send_at.add(minutes=LATE_MINUTES):
        return None
    quiet = QuietHours(clinic.quiet_opens, clinic.quiet_closes, clinic.texts_on_sundays)
    local = to_local(now, clinic.time_zone)
    if quiet.why_quiet(local, {}) is None:
        return None
    opening = quiet.next_after(local, {})
    if opening is None:
        return None
    at = first_valid(opening, clinic.time_zone)[0].at
    if at >= message.useful_until:
        return None
    return Verdict(until=at, words="late, and it is quiet hours: waits for the next opening")


def _cap(session: Session, message: Message, clinic: Clinic, now: pendulum.DateTime) -> Verdict:
    if message.kind == "reply":
        return Verdict()
    today = {"clinic_id": clinic.id, "day_ago": now.subtract(days=1), "cap": clinic.daily_cap}
    sent = session.scalar(SENT_TODAY, today) or 0
    if sent < clinic.daily_cap:
        return Verdict()
    words = f"waiting: the clinic's limit of {clinic.daily_cap} texts in 24 hours is reached"
    return Verdict(until=now.add(minutes=CAP_AGAIN_MINUTES), words=words)
