"""What plans are made from at one clinic, and the text of each step."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pendulum
from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import consent, opening_hours, told, wording
from reminder_site.domain.closed_days import closed_days
from reminder_site.domain.planning import Facts, Step, plan
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.refusals import TextTooLong
from reminder_site.domain.rules import Rule
from reminder_site.models import Clinic, ClosedDay, OptOut, ReminderRule, Template

LINK_FIELD = "{{link}}"
_out = OptOut.metadata.tables["opt_out"]
ITS_NUMBER = _out.c.e164 == bindparam("e164"), _out.c.sender == bindparam("sender")
OPTED_OUT = select(exists().where(*ITS_NUMBER, _out.c.ended_at.is_(None)))


@dataclass(frozen=True)
class Text:
    """A text to be sent: its words, {{link}} unfilled, and what they tell (domain.told)."""

    body: str
    told: Mapping[str, str]
    fields: Mapping[str, str]
    starts_local: datetime

    @property
    def facts_now(self) -> Mapping[str, str]:
        """Return all that texts can tell of the appointment as it is now."""
        return told.facts_now(self.fields, self.starts_local)


@dataclass(frozen=True)
class Ground:
    """What every plan of one clinic rests on."""

    clinic: Clinic
    rules: tuple[Rule, ...]
    texts: Mapping[str, str]
    own_closed_days: Mapping[date, str]
    closed_since: Mapping[date, pendulum.DateTime]
    quiet: QuietHours

    def closed(self, starts_local: datetime) -> Mapping[date, str]:
        """Return the days the clinic does not text, in the years around an appointment."""
        years = (starts_local.year - 1, starts_local.year, starts_local.year + 1)
        if not self.clinic.keeps_public_holidays:
            return self.own_closed_days
        return closed_days(self.clinic.country, self.clinic.region or None, years, self.own_closed_days)

    def shut_why(self, starts_local: datetime, timed_at: pendulum.DateTime) -> str:
        """Say that the clinic has closed a day after an appointment was given its time there; empty when it has not."""
        day = starts_local.date()
        if day not in self.closed_since or self.closed_since[day] < timed_at:
            return ""
        return f"the clinic has closed that day ({self.own_closed_days[day]}), move or cancel the appointment"

    def steps(self, facts: Facts, *, now: pendulum.DateTime) -> tuple[Step, ...]:
        """Derive the plan of one appointment (see domain.planning.plan)."""
        return plan(
            facts,
            self.rules,
            self.quiet,
            self.closed(facts.starts_local),
            now,
            undo_minutes=self.clinic.undo_minutes,
            min_gap_hours=self.clinic.min_gap_hours,
        )

    def place(
        self, key: str, leaves_local: datetime | None, starts_local: datetime, decided_local: datetime
    ) -> tuple[datetime, bool]:
        """Return what puts texts in order: when one leaves; a skipped one when its rule aims at, but after the booking.

        All are wall times; what is decided can be undone for a while, and the text about it leaves after that.
        """
        if leaves_local is not None:
            return leaves_local, False
        soonest = decided_local + timedelta(minutes=self.clinic.undo_minutes)
        aim = next((rule.aims_at(starts_local) for rule in self.rules if rule.key == key), None)
        return max(aim or soonest, soonest), True

    def text_of(self, step: Step, *, first_name: str, starts_local: datetime, clinician: str) -> Text:
        """Write the exact text of a step; {{link}} stays unfilled until the text leaves. Raises TextTooLong."""
        kind = kind_of(step.key, asks=step.asks)
        read_on = (step.local or starts_local).date()
        template, fields = self.texts[kind], values(self.clinic, first_name, starts_local, clinician, read_on=read_on)
        body = wording.render(template, fields)
        if len(body) > wording.LONGEST and not step.skipped:
            raise TextTooLong(
                f"The text “{step.name}” would have {len(body):,} characters; at most {wording.LONGEST:,} can be sent. "
                "A manager has to shorten its wording in the settings."
            )
        return Text(body, told.facts(template, fields, starts_local), fields, starts_local)


def kind_of(step_key: str, *, asks: bool) -> str:
    """Name the wording a step's text is written with (as in domain.wording.DEFAULT_TEMPLATES)."""
    kind = step_key.partition("-")[0]
    if kind in {"moved", "cancelled", "still_on", "confirmation"}:
        return kind
    return "reminder_ask" if asks else "reminder_short"


def ground(session: Session, clinic_id: int) -> Ground:
    """Read what plans of a clinic are made from."""
    clinic = session.get_one(Clinic, clinic_id)
    rules = session.scalars(
        select(ReminderRule).where(ReminderRule.clinic_id == clinic_id).order_by(ReminderRule.position)
    )
    texts = session.execute(select(Template.kind, Template.body).where(Template.clinic_id == clinic_id))
    own = session.scalars(select(ClosedDay).where(ClosedDay.clinic_id == clinic_id)).all()
    return Ground(
        clinic=clinic,
        rules=tuple(rule_of(r) for r in rules),
        texts={**wording.DEFAULT_TEMPLATES, **{kind: body for kind, body in texts}},
        own_closed_days={day.closed_on: day.name for day in own},
        closed_since={day.closed_on: day.closed_at for day in own if day.closed_at is not None},
        quiet=QuietHours(clinic.quiet_opens, clinic.quiet_closes, clinic.texts_on_sundays),
    )


def values(clinic: Clinic, first_name: str, starts_local: datetime, clinician: str, *, read_on: date) -> dict[str, str]:
    """Return what the fields of a template stand for at one appointment, in a text that is read on some day there."""
    return {
        "clinic": clinic.text_name,
        "first_name": first_name,
        "day": wording.day_of(starts_local.date(), read_on),
        "time": wording.time_of(starts_local),
        "place": clinic.place,
        "phone": clinic.phone,
        "link": LINK_FIELD,
        "clinician": clinician,
    }


def sender_of(clinic: Clinic) -> str:
    """Return the Messaging Service a clinic's texts leave from."""
    return clinic.sender or settings().twilio_messaging_service_sid


def is_opted_out(session: Session, e164: str, sender: str) -> bool:
    """Say whether a number has asked this sender for no more texts."""
    return bool(session.scalar(OPTED_OUT, {"e164": e164, "sender": sender}))


def texts_off_why(
    session: Session, clinic: Clinic, *, phone_e164: str, phone_flag: str, agreed: bool, reminders_on: bool = True
) -> str | None:
    """Say why nothing can be texted to somebody; None when texts can go out."""
    opted_out = bool(phone_e164) and is_opted_out(session, phone_e164, sender_of(clinic))
    if refused := consent.why_not(consent.Standing(phone_e164, opted_out, phone_flag, agreed)):
        return refused
    if not reminders_on:
        return "reminders are off for this patient"
    if not clinic.texting_on:
        return consent.TEXTING_OFF
    return None


def oddity(*, clinic_id: int, local: datetime, minutes: int) -> str | None:
    """Say what is odd about an appointment at a wall time: outside the opening hours, or on a closed day."""
    base = ground(db.session(), clinic_id)
    return opening_hours.warning(base.clinic.hours, base.closed(local), local, minutes)


def rule_of(row: ReminderRule) -> Rule:
    """Read the row of a rule."""
    return Rule(
        key=row.key,
        name=row.name,
        kind=row.kind,  # type: ignore[arg-type]
        days=row.days,
        at=row.at,
        hours=row.hours,
        asks=row.asks,  # type: ignore[arg-type]
        enabled=row.enabled,
        min_lead_minutes=row.min_lead_minutes,
    )
