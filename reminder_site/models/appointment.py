"""An appointment, the reminders it wants, and the patient's link to it."""

from datetime import datetime
from typing import Any

import pendulum
from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment
from reminder_site.models.columns import clinic_key, public_id

TROUBLED = text("plan_trouble <> ''")


class Appointment(Base):
    """One visit. Wall time + zone + fold are what is kept; `starts_at` is derived from them (UTC).

    state: booked, cancelled. answer: none, confirmed, change_wanted, cannot_come. outcome: "", arrived, no_show, left.
    `round` counts the times it was given a new time or number; `version` guards edits; `announced` is False when
    staff chose not to text about the booking or the move; `moved_from` holds what the last move changed, for its undo.
    `planned_with` is the clinic's `plan_version` its texts were planned with; `plan_trouble` says why they could not be
    planned anew, and a person has to look. `answer_before` is the answer that the patient's last one replaced, for its
    undo.
    """

    __tablename__ = "appointment"
    __table_args__ = (
        Index("ix_appointment_day", "clinic_id", "starts_at"),
        Index("ix_appointment_patient", "patient_id", "starts_at"),
        Index("ix_appointment_trouble", "clinic_id", sqlite_where=TROUBLED, postgresql_where=TROUBLED),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = clinic_key()
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    clinician_id: Mapped[int | None] = mapped_column(ForeignKey("clinician.id"))
    type_id: Mapped[int | None] = mapped_column(ForeignKey("appointment_type.id"))
    starts_local: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    time_zone: Mapped[str] = mapped_column(String(64))
    fold: Mapped[int] = mapped_column(default=0)
    starts_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    tzdb_version: Mapped[str] = mapped_column(String(8))
    duration_minutes: Mapped[int] = mapped_column(default=30)
    state: Mapped[str] = mapped_column(String(16), default="booked")
    answer: Mapped[str] = mapped_column(String(16), default="none")
    answered_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    late_notice: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str] = mapped_column(String(16), default="")
    outcome_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    booked_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    booked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    timed_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    round: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    announced: Mapped[bool] = mapped_column(default=True)
    notice_kind: Mapped[str] = mapped_column(String(16), default="")
    notice_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    notice_serial: Mapped[int] = mapped_column(default=0)
    moved_from: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    cancelled_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    cancelled_by: Mapped[str] = mapped_column(String(16), default="")
    cancel_reason: Mapped[str] = mapped_column(String(120), default="")
    undo_until: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    ics_sequence: Mapped[int] = mapped_column(default=0)
    planned_with: Mapped[int] = mapped_column(default=0)
    plan_trouble: Mapped[str] = mapped_column(String(200), default="")
    answer_before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Reminder(Base):
    """What the plan wants for one step of one appointment: a moment, or a skip (`send_at` null) with its sentence."""

    __tablename__ = "reminder"
    __table_args__ = (UniqueConstraint("appointment_id", "step_key", "generation"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = clinic_key()
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), index=True)
    step_key: Mapped[str] = mapped_column(String(40))
    generation: Mapped[int] = mapped_column(default=1)
    round: Mapped[int] = mapped_column(default=1)
    name: Mapped[str] = mapped_column(String(60))
    wanted: Mapped[bool] = mapped_column(default=True)
    why: Mapped[str] = mapped_column(String(400))
    by_hand: Mapped[bool] = mapped_column(default=False)
    dropped_why: Mapped[str] = mapped_column(String(200), default="")
    local_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    time_zone: Mapped[str] = mapped_column(String(64))
    tzdb_version: Mapped[str] = mapped_column(String(8))
    send_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    useful_until: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    asks: Mapped[bool] = mapped_column(default=False)
    flagged: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[pendulum.DateTime] = mapped_column(Moment)


class ManageLink(Base):
    """A patient's link to one appointment; the token is derived from `nonce`, only its SHA-256 is kept."""

    __tablename__ = "manage_link"
    id: Mapped[int] = mapped_column(primary_key=True)
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"), index=True)
    nonce: Mapped[str] = mapped_column(String(32))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    revoked_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)


class PagePress(Base):
    """What was pressed on one of the pages a link was opened as (`page` is that page's own number, by its SHA-256).

    `kind` is empty once presses of one page contradicted each other; `acted`: it was taken as an answer. `version` is
    the appointment's after it (0: it changed nothing), `stood` the answer before it.
    """

    __tablename__ = "page_press"
    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("manage_link.id"), index=True)
    page: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    acted: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=0)
    stood: Mapped[str] = mapped_column(String(16), default="")
    pressed_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
