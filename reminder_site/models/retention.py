"""How far a night's tidying has come, what Twilio is still to forget, and who has looked at which patient."""

from datetime import date
from typing import Any

import pendulum
from sqlalchemy import JSON, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment


class RetentionRun(Base):
    """How far the tidying of a clinic ("clinic:5") or of the site ("site") has come; see actions.retention.

    `chore` is the one it stands in, which has looked at everything up to the row `after_id`; `counts` is what this run
    has removed so far. `done_on` is the day at the clinic on which the last run ended.
    """

    __tablename__ = "retention_run"
    scope: Mapped[str] = mapped_column(String(24), primary_key=True)
    done_on: Mapped[date | None] = mapped_column(Date)
    chore: Mapped[str] = mapped_column(String(24), default="")
    after_id: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class TwilioErasure(Base):
    """A text that Twilio is asked to forget: its words (`whole` false) or all of it; gone once Twilio has."""

    __tablename__ = "twilio_erasure"
    sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    whole: Mapped[bool] = mapped_column()
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[pendulum.DateTime] = mapped_column(Moment, index=True)


class PatientRead(Base):
    """Somebody opened a page of a patient's (45 CFR 164.312(b)); `page` is its endpoint."""

    __tablename__ = "patient_read"
    __table_args__ = (
        Index("ix_patient_read_patient", "patient_id", "staff_id", "at"),
        Index("ix_patient_read_clinic", "clinic_id", "at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    page: Mapped[str] = mapped_column(String(40))
    at: Mapped[pendulum.DateTime] = mapped_column(Moment)
