"""The conversation with one patient: what they were texted and what they said, in the order it happened."""

from dataclasses import dataclass
from typing import Literal

import pendulum
from sqlalchemy import case, or_, select

from reminder_site.db import db
from reminder_site.domain import codes
from reminder_site.domain import message_state as states
from reminder_site.models import InboundMessage, Message
from reminder_site.queries.threads import HEARD

LONGEST = 200
BY_LINK = "link"
NOT_KEPT = "(the words are no longer kept)"
NOT_DELIVERED = frozenset({states.FAILED, states.UNDELIVERED})
# Twilio sends what it holds at its time; what was handed over later than that left then.
LEFT_AT = case((Message.handed_at > Message.send_at, Message.handed_at), else_=Message.send_at)


@dataclass(frozen=True)
class Said:
    """One text; `at` (UTC) is when it came, or left, or is to leave; `arrived_at` when it arrived, if that is known.

    `body` may hold {{link}} unfilled; `trouble` explains one that was not delivered.
    """

    direction: Literal["in", "out"]
    at: pendulum.DateTime
    body: str
    state: str = ""
    by: str = ""
    trouble: codes.Code | None = None
    arrived_at: pendulum.DateTime | None = None


def of_patient(*, clinic_id: int, key: int, e164: str = "") -> list[Said]:
    """List the last texts to and from a patient, the oldest first (planned reminders stand with their appointment)."""
    said = _texted(clinic_id, key) + _received(InboundMessage.clinic_id == clinic_id, InboundMessage.patient_id == key)
    return sorted(said, key=lambda one: one.at)[-LONGEST:]


def with_number(*, clinic_id: int, e164: str) -> list[Said]:
    """List what a number that belongs to no patient has sent."""
    mine = InboundMessage.clinic_id == clinic_id, InboundMessage.from_e164 == e164, InboundMessage.patient_id.is_(None)
    return sorted(_received(*mine), key=lambda one: one.at)


def unclaimed(*, e164: str, sender: str) -> list[Said]:
    """List what a number has sent to a sender that several clinics share, as long as none has claimed it."""
    mine = InboundMessage.clinic_id.is_(None), InboundMessage.from_e164 == e164, InboundMessage.sender == sender
    return sorted(_received(*mine), key=lambda one: one.at)


def _texted(clinic_id: int, key: int) -> list[Said]:
    left = or_(Message.state.in_(HEARD), Message.kind == "staff")
    rows = db.session.execute(
        select(Message.body, Message.state, Message.kind, Message.error_code, LEFT_AT.label("left_at"))
        .add_columns(Message.finished_at, Message.redacted_at)
        .where(Message.clinic_id == clinic_id, Message.patient_id == key, left)
        .order_by(LEFT_AT.desc(), Message.id.desc())
        .limit(LONGEST)
    )
    return [
        Said(
            "out",
            row.left_at,
            NOT_KEPT if row.redacted_at else row.body,
            state=row.state,
            by="written by the desk" if row.kind == "staff" else "",
            trouble=codes.of(row.error_code) if row.state in NOT_DELIVERED else None,
            arrived_at=row.finished_at if row.state in states.ARRIVED else None,
        )
        for row in rows
    ]


def _received(*mine: object) -> list[Said]:
    rows = db.session.scalars(
        select(InboundMessage).where(*mine).order_by(InboundMessage.id.desc()).limit(LONGEST)  # type: ignore[arg-type]
    )
    said: list[Said] = []
    for row in reversed(rows.all()):  # of one second, the one that came first stands first
        by_link = row.to == BY_LINK
        if row.redacted_at and not by_link:
            said.append(Said("in", row.received_at, NOT_KEPT, by=row.effect))
            continue
        body = row.body or (row.effect[:1].upper() + row.effect[1:] if by_link else "(a picture)")
        words = f"on their page: {row.effect}" if by_link and row.body else ("on their page" if by_link else row.effect)
        said.append(Said("in", row.received_at, body, by=words))
        if row.reply:
            said.append(Said("out", row.received_at.add(microseconds=1), row.reply, by="answered by itself"))
    return said
