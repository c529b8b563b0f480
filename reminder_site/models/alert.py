"""Alerts and who was told of them: see domain/alert_judging.py for an alert's columns. No patient data in any of it."""

from typing import Any

import pendulum
from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment
from reminder_site.models.columns import public_id

OPEN = text("over_at IS NULL")
TO_SEND = text("next_try_at IS NOT NULL")


class AlertWatch(Base):
    """The one row of those who judge: when somebody last did, when the dead man was last told.

    `usual` holds domain.alert_measures.Usual of the last four weeks, reckoned at `usual_at`.
    """

    __tablename__ = "alert_watch"
    id: Mapped[int] = mapped_column(primary_key=True)
    judged_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    pinged_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    usual: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    usual_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)


class Alert(Base):
    """One trouble from its first sight to its end; of each rule and subject one is open at the most."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("uq_alert_open", "rule", "subject", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
        Index("ix_alert_over_at", "over_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    rule: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(64), default="")
    level: Mapped[str] = mapped_column(String(8), default="")
    mail_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    page_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    seen_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    firing_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    calm_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    told_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    taken_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    taken_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    over_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    words: Mapped[str] = mapped_column(String(200), default="")


class AlertNotice(Base):
    """One mail or one call of the webhook about some alerts, and what became of it; tried until `next_try_at` is null.

    `way`: mail or webhook. `whom`: the mail's addresses, or empty. `about` holds what is told: domain.alert_words.
    `public_id` is the webhook's id and part of the Message-ID, the same at each try. A test has a `token_hash`: whoever
    got it confirms that with the link.
    """

    __tablename__ = "alert_notice"
    __table_args__ = (
        Index("ix_alert_notice_due", "next_try_at", sqlite_where=TO_SEND, postgresql_where=TO_SEND),
        Index("ix_alert_notice_made_at", "made_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    way: Mapped[str] = mapped_column(String(8))
    whom: Mapped[list[str]] = mapped_column(JSON)
    about: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    sent_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    trouble: Mapped[str] = mapped_column(String(200), default="")
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    arrived_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    arrived_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
