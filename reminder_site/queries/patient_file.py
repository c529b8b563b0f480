"""Everything kept about one patient, for them or for a complaint: sent, answered and done, with its audit entries.

Values are plain (text, numbers, true or false), so that the file can be read by people and programs alike; instants are
UTC in ISO 8601, wall times come with their zone.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from reminder_site.db import db
from reminder_site.models import (
    Appointment,
    AppointmentType,
    Attempt,
    Audit,
    Clinic,
    Clinician,
    InboundMessage,
    Message,
    MessageEvent,
    OptOut,
    Patient,
    PatientRead,
    ProviderEvent,
    Reminder,
    Staff,
)
from reminder_site.queries import audit_chain
from reminder_site.queries.audit_log import subjects_of
from reminder_site.queries.plans import sender_of

PATIENT: Final = (
    "public_id", "first_name", "last_name", "born_on", "phone_e164", "phone_flag", "channel", "language",
    "reminders_on", "consent_how", "consent_at", "consent_wording", "time_zone", "created_at",
)  # fmt: skip
OPT_OUT: Final = ("sender", "word", "source", "started_at", "ended_at")
APPOINTMENT: Final = (
    "public_id", "starts_local", "time_zone", "starts_at", "duration_minutes", "state", "answer",
    "answered_at", "late_notice", "outcome", "outcome_at", "booked_at", "cancelled_at", "cancelled_by",
    "cancel_reason",
)  # fmt: skip
REMINDER: Final = ("name", "why", "send_at", "wanted", "dropped_why", "asks", "created_at")
TEXT: Final = (
    "public_id", "kind", "channel", "to_e164", "sender", "body", "send_at", "state", "state_why", "reaches_at",
    "finished_at", "error_code", "sid", "created_at", "redacted_at",
)  # fmt: skip
HISTORY: Final = ("at", "state", "words", "by")
ATTEMPT: Final = ("attempt_no", "intent_at", "route", "outcome", "outcome_at", "http_status", "code", "sid")
RECEIPT: Final = ("status", "error_code", "received_at")
ANSWER: Final = (
    "public_id", "from_e164", "to", "body", "media_count", "understood", "effect", "reply", "received_at",
    "handled_at", "sid", "redacted_at",
)  # fmt: skip
ENTRY: Final = ("id", "at", "actor", "what", "subject", "facts", "key_id", "hash")


def of_patient(*, clinic_id: int, public_id: str) -> dict[str, Any] | None:
    """Gather everything about one patient of a clinic; None when there is no such patient."""
    mine = Patient.clinic_id == clinic_id, Patient.public_id == public_id, Patient.erased_at.is_(None)
    key = db.session.scalar(select(Patient.id).where(*mine))
    if key is None:
        return None
    head, clinic = audit_chain.head(), db.session.get_one(Clinic, clinic_id)
    patient = _rows(Patient, PATIENT, Patient.id == key)[0]
    return {
        "clinic": clinic.name,
        "patient": patient,
        "opt_outs": _rows(OptOut, OPT_OUT, OptOut.e164 == (patient["phone_e164"] or "-"),
                          OptOut.sender == sender_of(clinic)),
        "appointments": _appointments(key),
        "texts": _texts(key),
        "answers": _rows(InboundMessage, ANSWER, InboundMessage.patient_id == key),
        "pages_opened": _opened(key),
        "audit": _rows(Audit, ENTRY, Audit.clinic_id == clinic_id,
                       Audit.subject.in_(subjects_of(clinic_id, public_id))),
        "audit_head": {"number": head.number, "hash": head.hash},
    }  # fmt: skip


def _appointments(key: int) -> list[dict[str, Any]]:
    names = select(Appointment.id, Clinician.name, AppointmentType.name).where(Appointment.patient_id == key)
    names = names.join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True)
    names = names.join(AppointmentType, AppointmentType.id == Appointment.type_id, isouter=True)
    of = {row[0]: {"clinician": row[1] or "", "kind": row[2] or ""} for row in db.session.execute(names)}
    found = _rows(Appointment, ("id", *APPOINTMENT), Appointment.patient_id == key)
    planned = _by(Reminder, REMINDER, Reminder.appointment_id, list(of))
    return [one | of[number] | {"reminders": planned.get(number, [])} for one in found for number in (one.pop("id"),)]


def _texts(key: int) -> list[dict[str, Any]]:
    found = _rows(Message, ("id", *TEXT), Message.patient_id == key)
    ids = [one["id"] for one in found]
    beside = {
        "history": _by(MessageEvent, HISTORY, MessageEvent.message_id, ids),
        "attempts": _by(Attempt, ATTEMPT, Attempt.message_id, ids),
        "receipts": _by(ProviderEvent, RECEIPT, ProviderEvent.message_id, ids),
    }
    return [
        one | {name: rows.get(number, []) for name, rows in beside.items()}
        for one in found
        for number in (one.pop("id"),)
    ]


def _opened(key: int) -> list[dict[str, Any]]:
    rows = db.session.execute(
        select(PatientRead.at, Staff.name, PatientRead.page)
        .join(Staff, Staff.id == PatientRead.staff_id)
        .where(PatientRead.patient_id == key)
        .order_by(PatientRead.id)
    )
    return [{"at": _plain(at), "by": name, "page": page} for at, name, page in rows]


def _rows(table: Any, columns: Sequence[str], *which: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(*(getattr(table, name) for name in columns)).where(*which).order_by(table.id)
    return [{name: _plain(row[at]) for at, name in enumerate(columns)} for row in db.session.execute(query)]


def _by(table: Any, columns: Sequence[str], key: Any, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """List rows by what they belong to."""
    query = select(key, *(getattr(table, name) for name in columns)).where(key.in_(ids)).order_by(table.id)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in db.session.execute(query):
        found.setdefault(row[0], []).append({name: _plain(row[at + 1]) for at, name in enumerate(columns)})
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
