"""Who locks what first. Lock first, read after: what a change decides by is read once nobody else can change it.

Knows the one ORDER in which every transaction takes its locks; decides nothing.
"""

import hashlib
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from reminder_site.models import Appointment, Message, Patient

# Of several rows of one table the lowest id first: nobody waits for somebody who waits for them. Rows are locked
# against change, not against being referred to (FOR NO KEY UPDATE): inserting a text never waits for whoever holds its
# clinic or its appointment. On SQLite a writing transaction is alone, and nothing here asks for anything.
# By table, and by what an advisory lock stands for; the audit's chain is the last step of every transaction.
ORDER: Final = (
    "retention_run",
    "named",  # sign-in tries of one account or place, the first set-up, a look of the alerts
    "set_up_code",
    "staff",
    "staff_clinic",
    "invitation",
    "passkey_challenge",
    "passkey",
    "second_factor",
    "recovery_code",
    "staff_session",
    "sign_in_try",
    "sign_in_link",
    "form_nonce",
    "kept_form",
    "clinic",
    "reminder_rule",
    "template",
    "closed_day",
    "clinician",
    "appointment_type",
    "patient",
    "opt_out",
    "appointment",
    "message",
    "inbound_message",
    "trial_text",
    "daily limit",
    "attempt",
    "provider_event",
    "twilio_erasure",
    "patient_read",
    "heartbeat",
    "worker_seen",
    "throttle",
    "sender_pause",
    "write_probe",
    "refused_webhook",
    "tally",
    "alert_watch",
    "alert",
    "alert_notice",
    "audit",
)
# Rows that nobody changes but under the lock of their appointment, in whatever order.
UNDER_APPOINTMENT: Final = frozenset({"reminder", "manage_link", "page_press"})


def hold(session: Session, name: str) -> None:
    """Let one transaction at a time pass here; on SQLite a writing transaction is alone already."""
    if _many_writers(session):
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def patients(session: Session, *which: Any) -> list[Patient]:
    """Lock the patients that fit some conditions and read them as they are now, in the order of their ids."""
    return _held(session, select(Patient).where(*which).order_by(Patient.id))


def appointments(session: Session, *which: Any) -> list[Appointment]:
    """Lock the appointments that fit some conditions and read them as they are now, in the order of their ids."""
    found = _held(session, select(Appointment).where(*which).order_by(Appointment.id))
    _note_held(session, [appointment.id for appointment in found])
    return found


def free_appointments(session: Session, ids: Collection[int]) -> list[int]:
    """Lock those of some appointments that nobody holds just now, and return their ids."""
    query = select(Appointment.id).where(Appointment.id.in_(ids)).order_by(Appointment.id)
    found = list(session.scalars(query.with_for_update(key_share=True, skip_locked=True)))
    _note_held(session, found)
    return found


def is_held(session: Session, appointment: Appointment) -> bool:
    """Say whether this transaction has locked an appointment, or made it."""
    return appointment.id in session.info.get("held", ())


def made(session: Session, appointment: Appointment) -> None:
    """Take note of an appointment that this transaction has just made: nobody else can see it yet."""
    _note_held(session, [appointment.id])
    session.info.setdefault("made", []).append(appointment.id)


def is_made(session: Session, appointment: Appointment) -> bool:
    """Say whether this transaction has made an appointment."""
    return appointment.id in session.info.get("made", ())


def texts_of(session: Session, appointment_id: int) -> None:
    """Lock the texts of an appointment: the worker decides on them meanwhile."""
    if _many_writers(session) and appointment_id not in session.info.get("made", ()):
        mine = select(Message.id).where(Message.appointment_id == appointment_id).order_by(Message.id)
        session.execute(mine.with_for_update(key_share=True)).all()


def _held(session: Session, query: Select[Any]) -> list[Any]:
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(session.scalars(locked))


def _note_held(session: Session, ids: list[int]) -> None:
    session.info.setdefault("held", []).extend(ids)


def _many_writers(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
