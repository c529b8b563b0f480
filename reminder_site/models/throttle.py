"""How fast texts may leave, one row for all workers. See domain/throttle.py for what the columns mean."""

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
