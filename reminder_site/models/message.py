"""The outbox and what happened to it: messages, attempts, history, Twilio's receipts, texts received."""

from typing import Any

import pendulum
from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from reminder_site.db import Base, Moment
from reminder_site.domain.delivery import address
from reminder_site.models.columns import public_id

IN_FLIGHT = text("state IN ('submitting', 'unknown')")
WAITING = text("next_action_at IS NOT NULL")
MISSED = text("waits_for = 'missed'")
UNWANTED = text("NOT wanted")
WRITTEN_ANEW = text("written_anew > 0")
FOUND = text("found_at IS NOT NULL")
OPEN_1 = text("needs_person IS 1 AND handled_at IS NULL")
OPEN_TRUE = text("needs_person IS true AND handled_at IS NULL")


class Message(Base):
    """One text on its way; `next_action_at` says when somebody must look at it again (null: never).

    `body` keeps {{link}} unfilled: the link is made as the text leaves, so that no usable link lies in the database.
    `told` holds the facts that the text names (domain.told.facts). `replaces_id` is the text of the same step that this
    one stands in for: it leaves only once that one is certain not to. `waits_for` says, by a code of
    domain.delivery.Wait, why a text that is due does not leave. `reaches_at` is when its phone gets it (UTC), from the
    moment it is decided that it leaves; the clinic's daily limit counts by it. `tried_again` counts the texts before it
    that did not get through but may later, `written_anew` those that somebody else cancelled at Twilio. `redacted_at`
    is when its words were removed.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "uq_message_in_flight", "to_e164", "sender", unique=True, sqlite_where=IN_FLIGHT, postgresql_where=IN_FLIGHT
        ),
        Index("ix_message_due", "next_action_at", sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_message_patient", "patient_id", "created_at"),
        Index("ix_message_clinic_state", "clinic_id", "state"),
        Index("ix_message_reaches", "clinic_id", "reaches_at"),
        Index("ix_message_missed", "clinic_id", sqlite_where=MISSED, postgresql_where=MISSED),
        Index("ix_message_written_anew", "created_at", sqlite_where=WRITTEN_ANEW, postgresql_where=WRITTEN_ANEW),
        Index("ix_message_finished", "finished_at", "state"),
        Index("ix_message_unwanted", "send_at", sqlite_where=UNWANTED, postgresql_where=UNWANTED),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"))
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"), index=True)
    reminder_id: Mapped[int | None] = mapped_column(ForeignKey("reminder.id"), index=True)
    replaces_id: Mapped[int | None] = mapped_column()
    kind: Mapped[str] = mapped_column(String(16))
    channel: Mapped[str] = mapped_column(String(16), default="sms")
    dedupe_key: Mapped[str] = mapped_column(String(80), unique=True)
    to_e164: Mapped[str] = mapped_column(String(24), index=True)
    sender: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(String(1600))
    content_sid: Mapped[str] = mapped_column(String(34), default="")
    content_variables: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    media_urls: Mapped[list[str] | None] = mapped_column(JSON)
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    send_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    useful_until: Mapped[pendulum.DateTime] = mapped_column(Moment)
    wanted: Mapped[bool] = mapped_column(default=True)
    unwanted_why: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(16), default="pending")
    version: Mapped[int] = mapped_column(default=1)
    next_action_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    lease_owner: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    attempt_no: Mapped[int] = mapped_column(default=0)
    backoff_no: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    local_only: Mapped[bool] = mapped_column(default=False)
    ever_unknown: Mapped[bool] = mapped_column(default=False)
    tried_again: Mapped[int] = mapped_column(default=0, server_default="0")
    written_anew: Mapped[int] = mapped_column(default=0, server_default="0")
    absent_reads: Mapped[int] = mapped_column(default=0)
    polls: Mapped[int] = mapped_column(default=0)
    route: Mapped[str] = mapped_column(String(8), default="")
    sid: Mapped[str | None] = mapped_column(String(34), unique=True)
    provider_status: Mapped[str] = mapped_column(String(24), default="")
    provider_rank: Mapped[int] = mapped_column(default=-1)
    error_code: Mapped[int | None] = mapped_column()
    state_why: Mapped[str] = mapped_column(String(200), default="")
    waits_for: Mapped[str] = mapped_column(String(16), default="")
    reaches_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    handed_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    finished_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    redacted_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    created_at: Mapped[pendulum.DateTime] = mapped_column(Moment)

    @property
    def address(self) -> str:
        """The recipient as Twilio wants it."""
        return address(self.channel, self.to_e164)


class MessageEvent(Base):
    """One step in a message's history, in words; append only."""

    __tablename__ = "message_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), index=True)
    at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(16))
    words: Mapped[str] = mapped_column(String(300))
    by: Mapped[str] = mapped_column(String(80), default="")


class Attempt(Base):
    """The intent to create a text at Twilio, written before the first byte leaves; its outcome afterwards."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("message_id", "attempt_no"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    attempt_no: Mapped[int] = mapped_column()
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    intent_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    process: Mapped[str] = mapped_column(String(64))
    route: Mapped[str] = mapped_column(String(8))
    outcome: Mapped[str] = mapped_column(String(16), default="")
    outcome_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    http_status: Mapped[int | None] = mapped_column()
    code: Mapped[int | None] = mapped_column()
    sid: Mapped[str | None] = mapped_column(String(34))
    request_id: Mapped[str] = mapped_column(String(64), default="")


class ProviderEvent(Base):
    """One receipt from Twilio as it came (without body), also those nobody knew."""

    __tablename__ = "provider_event"
    __table_args__ = (UniqueConstraint("sid", "status", "error_code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"), index=True)
    sid: Mapped[str] = mapped_column(String(34))
    status: Mapped[str] = mapped_column(String(24))
    error_code: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[pendulum.DateTime] = mapped_column(Moment, index=True)


class InboundMessage(Base):
    """A text a patient sent; `understood` is domain.answers' kind, `effect` what it did, in words.

    `told` holds the facts that the reply named, if it named any: from then on the phone goes by them; of several
    appointments {"each": [{"appointment_id": 5, "told": {...}}]}. `offered` holds what a list with letters named, by
    letter: {"A": {"appointment_id": 5, "told": {...}}}.
    `sender` is whom it was sent to, as opt-outs name it (empty in rows from before this was kept); `opt_out_type` is
    how Twilio took it: STOP, START, HELP, or empty.
    `found_at`: no webhook brought it, Twilio's list did; it was received when Twilio received it.
    """

    __tablename__ = "inbound_message"
    __table_args__ = (
        Index("ix_inbound_clinic", "clinic_id", "handled_at", "received_at"),
        Index("ix_inbound_found", "found_at", sqlite_where=FOUND, postgresql_where=FOUND),
        Index("ix_inbound_open", "clinic_id", "received_at", sqlite_where=OPEN_1, postgresql_where=OPEN_TRUE),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = public_id()
    clinic_id: Mapped[int | None] = mapped_column(ForeignKey("clinic.id"))
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("patient.id"), index=True)
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    sid: Mapped[str] = mapped_column(String(34), unique=True)
    from_e164: Mapped[str] = mapped_column(String(24), index=True)
    to: Mapped[str] = mapped_column(String(24))
    sender: Mapped[str] = mapped_column(String(64), default="", server_default="")
    body: Mapped[str] = mapped_column(String(1600))
    media_count: Mapped[int] = mapped_column(default=0)
    understood: Mapped[str] = mapped_column(String(24))
    opt_out_type: Mapped[str] = mapped_column(String(8), default="", server_default="")
    effect: Mapped[str] = mapped_column(String(200), default="")
    needs_person: Mapped[bool] = mapped_column(default=False)
    reply: Mapped[str] = mapped_column(String(1600), default="")
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    offered: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    received_at: Mapped[pendulum.DateTime] = mapped_column(Moment)
    found_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    handled_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
    handled_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    redacted_at: Mapped[pendulum.DateTime | None] = mapped_column(Moment)
