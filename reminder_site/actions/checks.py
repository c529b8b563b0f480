"""The last look before a text leaves: is it still wanted, true, allowed, of use? Part of the intent's transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pendulum
from sqlalchemy import Integer, bindparam, exists, func, select
from sqlalchemy.orm import Session

from reminder_site.config import settings
from reminder_site.domain import consent, told
from reminder_site.domain import message_state as states
from reminder_site.domain.delivery import CAP_AGAIN_MINUTES, Wait
from reminder_site.domain.drafts import kind_of
from reminder_site.domain.phones import is_fictional, zones_of
from reminder_site.domain.quiet_hours import QuietHours, Window
from reminder_site.domain.times import first_valid, to_local
from reminder_site.models import Message
from reminder_site.queries.plans import ground

LATE_MINUTES = 10
STALE_AGAIN_SECONDS = 60  # by then the plan, which is looked at with every beat, has another text for it
MADE_UP = "the number is made up (555-01…), and this site is live"
ANSWERS = frozenset({"reply", "stopped"})  # to a text just received; the second acknowledges an opt-out
PLANNED = frozenset({"reminder", "notice"})  # what a plan brings: none of it leaves while reminders are off
# Every text passes here: what decides about it is read in one statement, and straight from the tables.
_m, _clinic, _patient, _out, _appointment, _reminder, _clinician = (
    Message.metadata.tables[n]
    for n in ("message", "clinic", "patient", "opt_out", "appointment", "reminder", "clinician")
)
_in_force = _out.c.e164 == _m.c.to_e164, _out.c.sender == _m.c.sender, _out.c.ended_at.is_(None)
_around = (
    _m.join(_clinic, _clinic.c.id == _m.c.clinic_id)
    .outerjoin(_patient, _patient.c.id == _m.c.patient_id)
    .outerjoin(_appointment, _appointment.c.id == _m.c.appointment_id)
    .outerjoin(_reminder, _reminder.c.id == _m.c.reminder_id)
    .outerjoin(_clinician, _clinician.c.id == _appointment.c.clinician_id)
)
CIRCUMSTANCES = (
    select(
        _m.c.id,
        exists().where(*_in_force).correlate(_m).label("opted_out"),
        *(_clinic.c[n] for n in ("texting_on", "time_zone", "quiet_opens", "quiet_closes", "texts_on_sundays")),
        *(_clinic.c.daily_cap, _patient.c.phone_e164, _patient.c.reminders_on, _patient.c.phone_flag),
        (_patient.c.consent_how != "").label("agreed"),
        _patient.c.time_zone.label("patient_zone"),
        *(
            _clinic.c.place,
            _clinic.c.phone,
            _clinic.c.sender.label("clinic_sender"),
            _clinician.c.name.label("clinician"),
        ),
        *(_appointment.c.state.label("visit"), _appointment.c.round.label("visit_round"), _appointment.c.starts_local),
        *(_reminder.c.wanted.label("planned"), _reminder.c.round.label("planned_round"), _reminder.c.step_key),
    )
    .select_from(_around)
    .where(_m.c.id.in_(bindparam("ids", expanding=True)))
)
_that_day = _m.c.reaches_at >= bindparam("since"), _m.c.reaches_at < bindparam("until")
THAT_DAY = select(_m.c.id).where(_m.c.clinic_id == bindparam("clinic_id"), _m.c.kind != "reply", *_that_day)
REACHING = select(func.count()).select_from(THAT_DAY.limit(bindparam("most", type_=Integer)).subquery())


@dataclass(frozen=True)
class Verdict:
    """Empty when the text may leave; else the state it ends in, or the moment (UTC) to look again, with the reason."""

    ends_as: str = ""
    until: pendulum.DateTime | None = None
    words: str = ""
    waits_for: Wait = ""


class Circumstances:
    """What decides about some texts beside themselves; read in a transaction that keeps them as they are."""

    def __init__(self, session: Session, ids: Collection[int]) -> None:
        self._session = session
        self._of = {row.id: row for row in session.execute(CIRCUMSTANCES, {"ids": list(ids)})}
        self._reaching: dict[tuple[int, date], int] = {}

    def of(self, message: Any) -> Any:
        """Return the circumstances of one message."""
        return self._of[message.id]

    def window(self, message: Any) -> Window:
        """Return when a text of its kind may arrive.

        Reminders keep to the clinic's hours and the phone's; what answers somebody's doing only to the widest ones.
        """
        found = self.of(message)
        hours = QuietHours(found.quiet_opens, found.quiet_closes, found.texts_on_sundays)
        if message.kind != "reminder" or found.step_key == "confirmation":
            return Window(hours.widest(), found.time_zone, {})
        closed = ground(self._session, message.clinic_id).closed(to_local(message.send_at, found.time_zone))
        phone_zones = (found.patient_zone,) if found.patient_zone else zones_of(message.to_e164)
        return Window(hours, found.time_zone, dict(closed), phone_zones=phone_zones)

    def reaching(self, message: Any, at: pendulum.DateTime) -> int:
        """Count its clinic's texts, up to its limit, that reach phones on the day of a moment (UTC) at the clinic.

        Those that Twilio holds for that day count, and those that this transaction lets leave.
        """
        found, key = self.of(message), self._day(message, at)
        if key not in self._reaching:
            bounds = [_midnight(key[1] + timedelta(days=n), found.time_zone) for n in (0, 1)]
            asked = {"clinic_id": message.clinic_id, "since": bounds[0], "until": bounds[1]}
            self._reaching[key] = self._session.scalar(REACHING, {**asked, "most": found.daily_cap + 1}) or 0
        return self._reaching[key]

    def same_day(self, message: Any, one: pendulum.DateTime, other: pendulum.DateTime) -> bool:
        """Say whether two moments (UTC) are on one day at a message's clinic."""
        return self._day(message, one) == self._day(message, other)

    def leaves(self, message: Any, at: pendulum.DateTime) -> None:
        """Take note that this one leaves, to reach its phone at that moment."""
        if message.kind != "reply" and (key := self._day(message, at)) in self._reaching:
            self._reaching[key] += 1

    def _day(self, message: Any, at: pendulum.DateTime) -> tuple[int, date]:
        return message.clinic_id, to_local(at, self.of(message).time_zone).date()


def last_check(message: Any, around: Circumstances, *, now: pendulum.DateTime) -> Verdict:
    """Decide whether a message (a row of its table) that is about to leave may leave."""
    if not message.wanted:
        return Verdict(states.CANCELLED, words=f"cancelled: {message.unwanted_why}")
    found = around.of(message)
    if found.opted_out and message.kind != "stopped":
        return Verdict(states.SUPPRESSED, words="not sent: this number has opted out of texts")
    if is_fictional(message.to_e164) and settings().is_live:
        return Verdict(states.SUPPRESSED, words=f"not sent: {MADE_UP}")
    if not found.texting_on:
        again = now.add(minutes=CAP_AGAIN_MINUTES)
        return Verdict(until=again, words=consent.TEXTING_OFF, waits_for="texting_off")
    untrue = why_untrue(message, found)
    if untrue:
        return Verdict(states.CANCELLED, words=f"cancelled: {untrue}")
    if is_stale(message, found):
        again = now.add(seconds=STALE_AGAIN_SECONDS)
        return Verdict(until=again, words="waiting: what it says has changed, it is written anew", waits_for="stale")
    return _late_at_night(message, around, now)


def why_untrue(message: Any, found: Any) -> str:
    """Say why a text no longer holds for its patient or its appointment; empty when it does."""
    if message.patient_id is not None and message.kind not in ANSWERS:
        if found.phone_e164 != message.to_e164:
            return "the patient has another number now"
        if refused := consent.why_not(_standing(message, found)):
            return refused
        if message.kind in PLANNED and not found.reminders_on:
            return "reminders are off for this patient"
    if message.reminder_id is None or message.appointment_id is None:
        return ""
    if found.visit_round != found.planned_round:
        return "the appointment was moved"
    tells_of_the_end = kind_of(found.step_key) == "cancelled"
    if (found.visit == "cancelled") != tells_of_the_end:
        return "the appointment is on again" if tells_of_the_end else "the appointment was cancelled"
    return "" if found.planned else "the plan changed"


def is_stale(message: Any, found: Any) -> bool:
    """Say whether a planned text tells what is otherwise by now, or leaves from a sender that is not its clinic's.

    One in flight stays in its plan while such a change is made; proved not to be at Twilio, it must not leave as it is.
    """
    if message.reminder_id is None or message.told is None:
        return False
    values = {"place": found.place, "phone": found.phone, "clinician": found.clinician or ""}
    sender = found.clinic_sender or settings().twilio_messaging_service_sid
    return message.sender != sender or not told.still_true(message.told, told.facts_now(values, found.starts_local))


def _standing(message: Any, found: Any) -> consent.Standing:
    """Say how the patient of a text stands; the opt-out is asked for before, for it ends a text otherwise.

    Twilio's answer to this very text may be what has shown that its number is dead. A worker that dies before it keeps
    the answer has the text tried once more, to hear it again: so one that was in doubt is not stopped by that.
    """
    taught = message.ever_unknown and found.phone_flag == "unreachable"
    return consent.Standing(message.to_e164, False, "" if taught else found.phone_flag, found.agreed)


def over_the_limit(
    message: Any, around: Circumstances, at: pendulum.DateTime, *, besides: int, now: pendulum.DateTime
) -> Verdict | None:
    """Hold a text back that would reach its phone (`at`, UTC) on a day whose texts have come to the clinic's limit.

    `besides` of them make way for this one.
    """
    cap = around.of(message).daily_cap
    if message.kind == "reply" or around.reaching(message, at) - besides < cap:
        return None
    words = f"waiting: the clinic's limit of {cap} texts a day is reached"
    return Verdict(until=now.add(minutes=CAP_AGAIN_MINUTES), words=words, waits_for="daily_limit")


def _late_at_night(message: Any, around: Circumstances, now: pendulum.DateTime) -> Verdict:
    """A text held up past its time must not ring at night: it waits for the next opening if it is still of use."""
    if now < message.send_at.add(minutes=LATE_MINUTES):
        return Verdict()
    at = around.window(message).waits_until(now)
    if at is None or at >= message.useful_until:
        return Verdict()
    return Verdict(until=at, words="late, and it is quiet hours: waits for the next opening", waits_for="quiet_hours")


def _midnight(day: date, zone: str) -> pendulum.DateTime:
    return first_valid(datetime.combine(day, time(0)), zone)[0].at
