"""A patient, and the numbers that asked not to be texted."""

from datetime import date

import pendulum
from sqlalchemy import Date, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment
from reminder_site.domain.phones import zones_of
from reminder_site.models.columns import clinic_key, public_id

ERASING = text("erasing")


class Patient(Base):
    """Somebody who comes to the clinic; `search_name` is the casefolded name without accents, family name first.

    `consent_wording` is the version of the clinic's wording that they were read or signed; null when none was noted.
    `time_zone` is where they are, if they said so; empty: the zone of their number counts.
    `erased_at`: nothing is left here of who they were. `erasing`: some of their texts are still on their way, and lose
    number and words once they have settled. `number_mark`: a keyed digest of the number that was theirs alone, until
    Twilio's list of what patients texted was read past the erasing.
    """

    __tablename__ = "patient"
    __table_args__ = (
        Index("ix_patient_search", "clinic_id", "search_name"),
        Index("ix_patient_phone", "clinic_id", "phone_e164"),
        Index("ix_patient_erasing", "id", sqlite_where=ERASING, postgresql_where=ERASING),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = clinic_key()
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80), default="")
    # In PostgreSQL only an index in code point order finds beginnings, whatever language the database speaks.
    search_name: Mapped[str] = mapped_column(String(200).with_variant(String(200, collation="C"), "postgresql"))
    born_on: Mapped[date | None] = mapped_column(Date)
    phone_e164: Mapped[str] = mapped_column(String(16), default="", index=True)
    phone_flag: Mapped[str] = mapped_column(String(16), default="")
    channel: Mapped[str] = mapped_column(String(16), default="sms")
    language: Mapped[str] = mapped_column(String(8), default="en")
    reminders_on: Mapped[bool] = mapped_column(default=True)
    consent_how: Mapped[str] = mapped_column(String(32), default="")
    consent_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    consent_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    consent_wording: Mapped[int | None] = mapped_column()
    time_zone: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    erased_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    erasing: Mapped[bool] = mapped_column(default=False, server_default=false())
    number_mark: Mapped[str] = mapped_column(String(64), default="", server_default="")

    @property
    def agreed(self) -> bool:
        """Tell whether they agreed to texts and have not taken it back."""
        return bool(self.consent_how)

    @property
    def phone_zones(self) -> tuple[str, ...]:
        """Return the time zones their phone may be in: their own, if they named it, else those of the number."""
        return (self.time_zone,) if self.time_zone else zones_of(self.phone_e164)


class OptOut(Base):
    """A number that said STOP to a sender; ended by START. At most one is in force per number and sender."""

    __tablename__ = "opt_out"
    __table_args__ = (
        Index(
            "uq_opt_out_in_force",
            "e164",
            "sender",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    e164: Mapped[str] = mapped_column(String(16))
    sender: Mapped[str] = mapped_column(String(64))
    word: Mapped[str] = mapped_column(String(32), default="")
    source: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    ended_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
