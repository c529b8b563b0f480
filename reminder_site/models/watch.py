"""What is kept so that anybody can see how the site is: its workers, refused webhooks, and counts that only grow."""

import pendulum
from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment


class WorkerSeen(Base):
    """One worker that looks at the outbox, by the name under which it leases."""

    __tablename__ = "worker_seen"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    seen_at: Mapped[pendulum.DateTime] = mapped_column(Moment)


class ProbedWrite(Base):
    """Holds no row for longer than a transaction: whether one can be made says whether the database can be changed."""

    __tablename__ = "write_probe"
    id: Mapped[int] = mapped_column(primary_key=True)


class RefusedWebhook(Base):
    """How many webhooks one web process has refused at one door for one reason, up to a moment; kept for a day."""

    __tablename__ = "refused_webhook"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[pendulum.DateTime] = mapped_column(Moment, index=True)
    door: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(16))
    times: Mapped[int] = mapped_column()


class Tally(Base):
    """One count or sum that only grows, by what is counted and its labels; `queries.tallies` has the names."""

    __tablename__ = "tally"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    label: Mapped[str] = mapped_column(String(64), primary_key=True)
    amount: Mapped[float] = mapped_column(Float, default=0.0)
