"""The hash-chained record of every send, cancel and change, and the worker's heartbeat."""

from typing import Any

import pendulum
from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment


class Audit(Base):
    """One entry; `hash` is an HMAC over the previous hash and this entry. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[pendulum.DateTime] = mapped_column(Moment, index=True)
    actor: Mapped[str] = mapped_column(String(80))
    what: Mapped[str] = mapped_column(String(48))
    clinic_id: Mapped[int | None] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    key_id: Mapped[str] = mapped_column(String(8))
    hash: Mapped[str] = mapped_column(String(64))


class Heartbeat(Base):
    """The one row that says when the worker last looked, and what holds it back.

    `hold_asks`: what a hold waits for somebody to decide, in words; `hold_answer`: "withdraw" or "keep" once it is
    decided. `rehearsal_since`: this is a copy made to rehearse a restore, which sends and answers nothing.
    `inbound_from`: the site began, in whole seconds as Twilio tells them; of texts from before only opt-outs count.
    `backup_at`: when the last backup was made.
    `inbound_read_to`: so far Twilio's list of what patients texted has been read.
    """

    __tablename__ = "heartbeat"
    id: Mapped[int] = mapped_column(primary_key=True)
    beat_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    instance_id: Mapped[str] = mapped_column(String(36), default="")
    hold_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    hold_from: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    hold_why: Mapped[str] = mapped_column(String(200), default="")
    hold_asks: Mapped[str] = mapped_column(String(200), default="", server_default="")
    hold_answer: Mapped[str] = mapped_column(String(8), default="", server_default="")
    rehearsal_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    circuit_open_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    circuit_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    circuit_why: Mapped[str] = mapped_column(String(200), default="")
    clock_skew_seconds: Mapped[int] = mapped_column(default=0)
    skewed_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    drift_count: Mapped[int] = mapped_column(default=0, server_default="0")
    drift_checked_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    backup_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    inbound_from: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    inbound_read_to: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
