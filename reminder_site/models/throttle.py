"""How fast texts may leave, and which senders pause, for all workers. See domain/throttle.py for the columns."""

import pendulum
from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment


class ThrottleRow(Base):
    """The one row; without it, or with no rate in it, texts leave as fast as they come."""

    __tablename__ = "throttle"
    id: Mapped[int] = mapped_column(primary_key=True)
    per_second: Mapped[float | None] = mapped_column(Float)
    level: Mapped[float] = mapped_column(Float, default=0.0)
    level_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    slowed_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    down_since: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    down_why: Mapped[str] = mapped_column(String(200), default="")
    probe_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    failed_tries: Mapped[int] = mapped_column(default=0)


class SenderPause(Base):
    """A sender whose texts wait because Twilio or carriers take none from it; the row goes once one got through.

    `code` is what was said last. `by_receipt`: texts are taken and fail afterwards, so only one that left proves the
    mend. One text tries at `probe_at`; the one that tried last is `probe_id`.
    """

    __tablename__ = "sender_pause"
    sender: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[pendulum.DateTime] = mapped_column(Moment)
    code: Mapped[int] = mapped_column()
    by_receipt: Mapped[bool] = mapped_column()
    tries: Mapped[int] = mapped_column(default=0)
    probe_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    probe_id: Mapped[int | None] = mapped_column()
