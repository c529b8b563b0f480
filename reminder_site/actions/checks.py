"""The last look before a text leaves: is it still wanted, allowed, and of use? Runs inside the intent's transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy import Integer, bindparam, exists, func, select
from sqlalchemy.orm import Session

from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.times import first_valid, to_local
from reminder_site.models import Message

LATE_MINUTES = 10
AUTOMATIC = frozenset({"reminder"})
# Every text passes here: what decides about it is read in one statement, and straight from the tables.
_m, _clinic, _patient, _out = (Message.metadata.tables[n] for n in ("message", "clinic", "patient", "opt_out"))
_in_force = _out.c.e164 == _m.c.to_e164, _out.c.sender == _m.c.sender, _out.c.ended_at.is_(None)
CIRCUMSTANCES = (
    select(
        _m.c.id,
        exists().where(*_in_force).correlate(_m).label("opted_out"),
        *(_clinic.c[n] for n in ("texting_on", "time_zone", "quiet_opens", "quiet_closes", "texts_on_sundays")),
        *(_clinic.c.daily_cap, _patient.c.phone_e164, _patient.c.reminders_on),
    )
    .select_from(_m.join(_clinic, _clinic.c.id == _m.c.clinic_id).outerjoin(_patient, _patient.c.id == _m.c.patient_id))
    .where(_m.c.id.in_(bindparam("ids", expanding=True)))
)
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


class Circumstances:
    """What decides about some texts beside themselves; read in a transaction that keeps them as they are."""

    def __init__(self, session: Session, ids: Collection[int], *, now: pendulum.DateTime) -> None:
        self._session, self._day_ago = session, now.subtract(days=1)
        self._of = {row.id: row for row in session.execute(CIRCUMSTANCES, {"ids": list(ids)})}
        self._sent: dict[int, int] = {}

    def of(self, message: Any) -> Any:
        """Return the circumstances of one message."""
        return self._of[message.id]

    def sent_today(self, message: Any) -> int:
        """Say how many texts its clinic has handed over in 24 hours, up to its limit, those to leave now included."""
        clinic = message.clinic_id
        if clinic not in self._sent:
            asked = {"clinic_id": clinic, "day_ago": self._day_ago, "cap": self.of(message).daily_cap}
            self._sent[clinic] = self._session.scalar(SENT_TODAY, asked) or 0
        return self._sent[clinic]

    def leaves(self, message: Any) -> None:
        """Take note that this one leaves."""
        if message.kind != "reply" and message.clinic_id in self._sent:
            self._sent[message.clinic_id] += 1


def last_check(message: Any, around: Circumstances, *, now: pendulum.DateTime) -> Verdict:
    """Decide whether a message (a row of its table) that is about to leave may leave."""
    if not message.wanted:
        return Verdict(states.CANCELLED, words=f"cancelled: {message.unwanted_why}")
    found = around.of(message)
    if message.kind != "reply" and found.opted_out:
        return Verdict(states.SUPPRESSED, words="not sent: this number has opted out of texts")
    if not found.texting_on:
        return Verdict(until=now.add(minutes=CAP_AGAIN_MINUTES), words="texting is switched off for this clinic")
    return _other_number(message, found) or _late_at_night(message, found, now) or _cap(message, around, now)


def _other_number(message: Any, found: Any) -> Verdict | None:
    if message.patient_id is None or message.kind == "reply":
        return None
    if found.phone_e164 != message.to_e164:
        return Verdict(states.CANCELLED, words="cancelled: the patient has another number now")
    if message.kind in AUTOMATIC and not found.reminders_on:
        return Verdict(states.CANCELLED, words="cancelled: reminders are off for this patient")
    return None


def _late_at_night(message: Any, found: Any, now: pendulum.DateTime) -> Verdict | None:
    """A reminder held up past its time must not ring at night: it waits for the next opening if it is still of use."""
    if message.kind not in AUTOMATIC or now < message.send_at.add(minutes=LATE_MINUTES):
        return None
    quiet = QuietHours(found.quiet_opens, found.quiet_closes, found.texts_on_sundays)
    local = to_local(now, found.time_zone)
    if quiet.why_quiet(local, {}) is None:
        return None
    opening = quiet.next_after(local, {})
    if opening is None:
        return None
    at = first_valid(opening, found.time_zone)[0].at
    if at >= message.useful_until:
        return None
    return Verdict(until=at, words="late, and it is quiet hours: waits for the next opening")


def _cap(message: Any, around: Circumstances, now: pendulum.DateTime) -> Verdict:
    if message.kind == "reply":
        return Verdict()
    cap = around.of(message).daily_cap
    if around.sent_today(message) < cap:
        return Verdict()
    words = f"waiting: the clinic's limit of {cap} texts in 24 hours is reached"
    return Verdict(until=now.add(minutes=CAP_AGAIN_MINUTES), words=words)
