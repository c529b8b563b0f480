"""A clinic and what it decides: zone, hours, people, kinds of appointment, reminder rules and wording."""

from datetime import date, time
from typing import Any

import pendulum
from sqlalchemy import JSON, Date, ForeignKey, String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment
from reminder_site.models.columns import clinic_key, public_id


class Clinic(Base):
    """One place patients come to.

    `hours` maps "mon".."sun" to ["09:00", "17:30"] or null when closed (wall time). `sender` is a Twilio Messaging
    Service SID of its own; empty means the site's (TWILIO_MESSAGING_SERVICE_SID). `version` guards every setting of the
    clinic, those of its rules and people too. `plan_version` counts the changes that plans follow; an appointment says
    with which it was planned. `plans_behind`: coming appointments may still stand on an older one; `plans_follow_since`
    is when they were first looked at after the last change (UTC). `twilio_acknowledges`: Twilio itself answers its
    opt-out words to this sender; otherwise the site does. `no_quiet_why` is an administrator's reason for texting at
    any hour. `texts_kept_days`, `receipts_kept_days` and `appointments_kept_months`: see domain.retention. `nobody_id`
    is the patient row that old appointments point to once nobody is to know whose they were.
    """

    __tablename__ = "clinic"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    name: Mapped[str] = mapped_column(String(80))
    text_name: Mapped[str] = mapped_column(String(30))
    address: Mapped[str] = mapped_column(String(200), default="")
    place: Mapped[str] = mapped_column(String(40), default="")
    phone: Mapped[str] = mapped_column(String(32), default="")
    country: Mapped[str] = mapped_column(String(2))
    region: Mapped[str] = mapped_column(String(8), default="")
    time_zone: Mapped[str] = mapped_column(String(64))
    hours: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    quiet_opens: Mapped[time] = mapped_column(Time, default=time(9))
    quiet_closes: Mapped[time] = mapped_column(Time, default=time(19))
    texts_on_sundays: Mapped[bool] = mapped_column(default=False)
    keeps_public_holidays: Mapped[bool] = mapped_column(default=True)
    sender: Mapped[str] = mapped_column(String(64), default="")
    twilio_acknowledges: Mapped[bool] = mapped_column(default=True)
    texting_on: Mapped[bool] = mapped_column(default=True)
    no_quiet_why: Mapped[str] = mapped_column(String(200), default="")
    daily_cap: Mapped[int] = mapped_column(default=250)
    undo_minutes: Mapped[int] = mapped_column(default=2)
    min_gap_hours: Mapped[int] = mapped_column(default=12)
    texts_kept_days: Mapped[int] = mapped_column(default=90, server_default="90")
    receipts_kept_days: Mapped[int] = mapped_column(default=30, server_default="30")
    appointments_kept_months: Mapped[int] = mapped_column(default=24, server_default="24")
    nobody_id: Mapped[int | None] = mapped_column()
    plan_version: Mapped[int] = mapped_column(default=1)
    plans_behind: Mapped[bool] = mapped_column(default=False)
    plans_follow_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[pendulum.DateTime] = mapped_column(Moment)


class ConsentWording(Base):
    """What patients are read or sign when they agree to texts; each version stays as it was."""

    __tablename__ = "consent_wording"
    __table_args__ = (UniqueConstraint("clinic_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = clinic_key()
    version: Mapped[int] = mapped_column()
    body: Mapped[str] = mapped_column(String(1600))
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class ClosedDay(Base):
    """A day the clinic is closed besides holidays; what was booked before `closed_at` (UTC) is not reminded of."""

    __tablename__ = "closed_day"
    __table_args__ = (UniqueConstraint("clinic_id", "closed_on"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = clinic_key()
    closed_on: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(60))
    closed_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)


class Clinician(Base):
    """Somebody patients are booked with."""

    __tablename__ = "clinician"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = clinic_key()
    name: Mapped[str] = mapped_column(String(80))
    active: Mapped[bool] = mapped_column(default=True)


class AppointmentType(Base):
    """A kind of appointment and how long it takes (minutes)."""

    __tablename__ = "appointment_type"
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = clinic_key()
    name: Mapped[str] = mapped_column(String(60))
    duration_minutes: Mapped[int] = mapped_column(default=30)
    active: Mapped[bool] = mapped_column(default=True)


class ReminderRule(Base):
    """When to remind, as a wall-clock rule: see domain.planning.Rule for the meaning of each column."""

    __tablename__ = "reminder_rule"
    __table_args__ = (UniqueConstraint("clinic_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = clinic_key()
    key: Mapped[str] = mapped_column(String(32))
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(16))
    days: Mapped[int] = mapped_column(default=0)
    at: Mapped[time | None] = mapped_column(Time)
    hours: Mapped[int] = mapped_column(default=0)
    asks: Mapped[str] = mapped_column(String(16), default="always")
    min_lead_minutes: Mapped[int] = mapped_column(default=60)
    enabled: Mapped[bool] = mapped_column(default=True)


class Template(Base):
    """The wording of one kind of text at one clinic (`kind` as in domain.wording.DEFAULT_TEMPLATES)."""

    __tablename__ = "template"
    __table_args__ = (UniqueConstraint("clinic_id", "kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = clinic_key()
    kind: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(String(1600))
    version: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    updated_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
