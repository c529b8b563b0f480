"""Texts to the operator's own phone that try out a live site; no patient's, and no message of the outbox."""

import pendulum
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment


class TrialText(Base):
    """One trial text; `sid` is empty until Twilio took it. `by_webhook`: its reply came so, not by Twilio's list."""

    __tablename__ = "trial_text"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    phone: Mapped[str] = mapped_column(String(24), index=True)
    code: Mapped[str] = mapped_column(String(4))
    sid: Mapped[str | None] = mapped_column(String(34), unique=True)
    error_code: Mapped[int | None] = mapped_column()
    made_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    send_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    replied_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    by_webhook: Mapped[bool | None] = mapped_column()
