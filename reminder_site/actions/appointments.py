"""What the desk does to an appointment's time: book, move, cancel, take it back. Knows no forms and no Twilio."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pendulum
from sqlalchemy.orm import Session

from reminder_site.actions import appointment_columns as columns
from reminder_site.actions import appointment_rows as rows
from reminder_site.actions import audit, form_nonces, links, locks, overlapping, patient_rows
from reminder_site.actions.plans import replan
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import (
    AlreadyCancelled,
    AppointmentChanged,
    InThePast,
    NotCancelled,
    NothingChanged,
    OutcomeRecorded,
    TooFarAhead,
    TooLateToUndo,
)
from reminder_site.domain.times import Placed
from reminder_site.models import Appointment, AppointmentType, Clinic, Clinician, Patient
from reminder_site.models.columns import new_public_id
from reminder_site.queries.reminders import time_before_untold_move

FARTHEST_YEARS = 3
DEFAULT_MINUTES = 30


@dataclass(frozen=True)
class NewPatient:
    """A patient entered together with the appointment; `consent_how` is empty when texts were not agreed to."""

    first_name: str
    last_name: str
    phone_e164: str
    consent_how: str


@dataclass(frozen=True)
class Tell:
    """Whether a change is texted to the patient, and why that was chosen."""

    patient: bool
    why: str = ""


def refuse_time(at: pendulum.DateTime, now: pendulum.DateTime) -> None:
    """Raise InThePast or TooFarAhead for a time nobody can be booked for."""
    if at <= now:
        raise InThePast("This time has already passed. Choose a later one.")
    if at > now.add(years=FARTHEST_YEARS):
        raise TooFarAhead(f"This is more than {FARTHEST_YEARS} years ahead. Please check the year.")


@retried
def book(
    *,
    clinic_id: int,
    patient: str | NewPatient,
    time: Placed,
    clinician_id: str = "",
    type_id: str = "",
    nonce: str = "",
    beside: Collection[str] | None = None,
    by: Actor,
    now: pendulum.DateTime,
) -> str:
    """Book an appointment for a patient (a public id, or a new one) and plan its texts; return its public id.

    The same form (`nonce`) again returns what it made before. `beside` names the overlapping appointments that are
    meant; None (a program books) looks for none. Raises InThePast, TooFarAhead, SavedSomethingElse, Overlaps, NotHere.
    """
    refuse_time(time.at, now)
    made = new_public_id()
    who = patient if isinstance(patient, str) else vars(patient)
    says = {"patient": who, "at": time.at, "zone": time.zone, "clinician": clinician_id, "type": type_id}
    with transaction() as session:
        overlapping.wait_turn(session, clinic_id, beside)
        if earlier := form_nonces.take(session, nonce=nonce, says=says, made=made, by=by, now=now):
            return earlier
        somebody = _patient(session, clinic_id, patient, by, now)
        appointment = _made(session, somebody, made, time, clinician_id, type_id, by, now)
        overlapping.refuse(session, appointment, beside)
        links.link_for(session, appointment, now)
        audit.record(session, actor=by, what="appointment.booked", **rows.subject(appointment), now=now)
        replan(session, appointment, by=by, now=now)
    return made


@retried
def move(
    *,
    clinic_id: int,
    appointment_id: str,
    time: Placed,
    clinician_id: str = "",
    tell: Tell,
    version: int,
    beside: Collection[str] | None = None,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    """Give an appointment another time or clinician; its texts follow, the patient is told after the undo.

    `beside` as in `book`. Raises AppointmentChanged when `version` is no longer the latest, AlreadyCancelled,
    OutcomeRecorded, NothingChanged, InThePast, TooFarAhead, Overlaps, NotHere.
    """
    with transaction() as session:
        overlapping.wait_turn(session, clinic_id, beside)
        appointment = rows.of_clinic(session, Appointment, clinic_id, appointment_id)
        _refuse_stale(appointment, version)
        _refuse_settled(appointment)
        clinician = _clinician(session, clinic_id, clinician_id)
        new_time = time.at != appointment.starts_at
        if not new_time and clinician == appointment.clinician_id:
            raise NothingChanged("This is the time it already has. Choose another one.")
        changes: dict[str, Any] = {"clinician_id": clinician}
        if new_time:
            refuse_time(time.at, now)
            undo_until = now.add(minutes=session.get_one(Clinic, clinic_id).undo_minutes)
            untold = time_before_untold_move(key=appointment.id, now=now) is not None
            changes |= columns.at(time) | columns.as_moved(appointment, tell.patient, undo_until, now, untold=untold)
        rows.change(session, appointment, version, **changes)
        overlapping.refuse(session, appointment, beside)
        if new_time:
            links.link_for(session, appointment, now)
        facts = {"to": time.local.isoformat(), "told": tell.patient and new_time, "why": tell.why}
        audit.record(session, actor=by, what="appointment.moved", **rows.subject(appointment), facts=facts, now=now)
        replan(session, appointment, by=by, now=now)


@retried
def undo_move(*, clinic_id: int, appointment_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Put a moved appointment back within its undo, before anybody was told. Raises TooLateToUndo, NotHere."""
    with transaction() as session:
        appointment = rows.of_clinic(session, Appointment, clinic_id, appointment_id)
        before = appointment.moved_from
        if before is None or appointment.state != "booked" or _undo_over(appointment, now):
            raise TooLateToUndo("The time to undo has passed. Move the appointment again instead.")
        if rows.has_been_texted(session, appointment, appointment.round):
            raise TooLateToUndo("The patient has already been told the new time. Move the appointment again instead.")
        changes = columns.restored(appointment, before) | _timed_again(session, appointment, before["round"], now)
        rows.change(session, appointment, appointment.version, **changes)
        links.link_for(session, appointment, now)
        audit.record(session, actor=by, what="appointment.move_undone", **rows.subject(appointment), now=now)
        replan(session, appointment, by=by, now=now)


@retried
def cancel(
    *,
    clinic_id: int,
    appointment_id: str,
    reason: str,
    tell: Tell,
    version: int | None = None,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    """Cancel an appointment: its texts are withdrawn at once, the patient is told once the undo has passed.

    A move the patient has not been told of is taken back with it, so that the text names the time the patient knows.
    Raises AlreadyCancelled, OutcomeRecorded, AppointmentChanged when a given `version` is not the latest, NotHere.
    """
    with transaction() as session:
        appointment = rows.of_clinic(session, Appointment, clinic_id, appointment_id)
        _refuse_settled(appointment)
        if version is not None:
            _refuse_stale(appointment, version)
        undo_until = now.add(minutes=session.get_one(Clinic, clinic_id).undo_minutes)
        known = _known_time(appointment, now)
        tells = tell.patient and known.get("starts_at", appointment.starts_at) > undo_until
        changes = {
            "state": "cancelled",
            "cancelled_at": now,
            "cancelled_by": "clinic",
            "cancel_reason": reason[:120],
            "undo_until": undo_until,
            "moved_from": columns.taken_back(appointment) if known else None,
            **columns.notice(appointment, "cancelled" if tells else "", undo_until),
        }
        rows.change(session, appointment, appointment.version, **known | changes)
        if known:
            links.link_for(session, appointment, now)
        facts = {"told": tells, "why": tell.why}
        audit.record(session, actor=by, what="appointment.cancelled", **rows.subject(appointment), facts=facts, now=now)
        replan(session, appointment, by=by, now=now)


@retried
def undo_cancel(*, clinic_id: int, appointment_id: str, by: Actor, now: pendulum.DateTime) -> bool:
    """Put a cancelled appointment back. Who was not told hears nothing; who was is told that it is still on (True).

    A move that was taken back with it comes again, unless the patient has heard of the cancellation by now.
    Raises NotCancelled, TooLateToUndo once the appointment's time has come, NotHere.
    """
    with transaction() as session:
        appointment = rows.of_clinic(session, Appointment, clinic_id, appointment_id)
        if appointment.state != "cancelled":
            raise NotCancelled("This appointment is not cancelled.")
        if appointment.starts_at <= now:
            raise TooLateToUndo("Its time has passed. Book a new appointment instead.")
        heard = rows.heard_of_its_end(session, appointment)
        undo_until = now.add(minutes=session.get_one(Clinic, clinic_id).undo_minutes)
        changes = {
            "state": "booked",
            "cancelled_at": None,
            "cancelled_by": "",
            "cancel_reason": "",
            "undo_until": None,
            "moved_from": None,
            **columns.notice(appointment, "still_on" if heard else "", now),
            **_timed_again(session, appointment, appointment.round, now),
        }
        again = {} if heard else columns.moved_again(appointment, undo_until, now)
        rows.change(session, appointment, appointment.version, **changes | again)
        if again:
            links.link_for(session, appointment, now)
        facts = {"told": heard}
        audit.record(session, actor=by, what="appointment.restored", **rows.subject(appointment), facts=facts, now=now)
        replan(session, appointment, by=by, now=now)
        return heard


def _made(
    session: Session,
    patient: Patient,
    public_id: str,
    time: Placed,
    clinician_id: str,
    type_id: str,
    by: Actor,
    now: pendulum.DateTime,
) -> Appointment:
    """Add the row of an appointment."""
    clinic_id = patient.clinic_id
    kind = rows.of_clinic(session, AppointmentType, clinic_id, type_id) if type_id else None
    appointment = Appointment(
        public_id=public_id,
        clinic_id=clinic_id,
        patient_id=patient.id,
        clinician_id=_clinician(session, clinic_id, clinician_id),
        type_id=kind.id if kind else None,
        duration_minutes=kind.duration_minutes if kind else DEFAULT_MINUTES,
        booked_at=now,
        booked_by_id=by.staff_id,
        timed_at=now,
        planned_with=session.get_one(Clinic, clinic_id).plan_version,
        **columns.at(time),
    )
    session.add(appointment)
    session.flush()
    locks.made(session, appointment)
    return appointment


def _clinician(session: Session, clinic_id: int, public_id: str) -> int | None:
    return rows.of_clinic(session, Clinician, clinic_id, public_id).id if public_id else None


def _patient(session: Session, clinic_id: int, patient: str | NewPatient, by: Actor, now: pendulum.DateTime) -> Patient:
    if isinstance(patient, str):
        return rows.of_clinic(session, Patient, clinic_id, patient)
    return patient_rows.enrol(session, clinic_id=clinic_id, **vars(patient), by=by, now=now)


def _refuse_stale(appointment: Appointment, version: int) -> None:
    if appointment.version != version:
        raise AppointmentChanged(theirs=appointment.version, yours=version)


def _refuse_settled(appointment: Appointment) -> None:
    if appointment.state == "cancelled":
        raise AlreadyCancelled("This appointment is already cancelled.")
    if appointment.outcome:
        raise OutcomeRecorded("The patient is marked as arrived or as not come. Take that back first.")


def _known_time(appointment: Appointment, now: pendulum.DateTime) -> dict[str, Any]:
    """Return the columns of the time the patient knows, where the text about a move has not left; else nothing."""
    if appointment.moved_from is None or time_before_untold_move(key=appointment.id, now=now) is None:
        return {}
    return columns.restored(appointment, appointment.moved_from)


def _timed_again(session: Session, appointment: Appointment, round_no: int, now: pendulum.DateTime) -> dict[str, Any]:
    """Let the confirmation come after all when the patient has never been texted the time that is restored."""
    return {} if rows.has_been_texted(session, appointment, round_no) else {"timed_at": now}


def _undo_over(appointment: Appointment, now: pendulum.DateTime) -> bool:
    return appointment.undo_until is None or now > appointment.undo_until
