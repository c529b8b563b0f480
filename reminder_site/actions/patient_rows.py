"""Shared steps on patients: enrol one, give one another number. Each runs inside its caller's transaction."""

from datetime import date
from typing import Any

import pendulum
from sqlalchemy import update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, consent_wordings, links, locks
from reminder_site.actions.one_by_one import replan_each
from reminder_site.domain.actor import Actor
from reminder_site.domain.names import search_name
from reminder_site.models import Appointment, Patient
from reminder_site.models.columns import new_public_id


def enrol(
    session: Session,
    *,
    clinic_id: int,
    first_name: str,
    last_name: str,
    phone_e164: str,
    consent_how: str,
    consent_wording: int | None = None,
    born_on: date | None = None,
    time_zone: str = "",
    public_id: str = "",
    by: Actor,
    now: pendulum.DateTime,
) -> Patient:
    """Add a patient; texts stay off until they were agreed to (`consent_how` is empty when they were not).

    `consent_wording` is the version they were read or signed; None: the newest. Raises NotHere for one that is not.
    """
    wording = consent_wordings.used(session, clinic_id, consent_how, consent_wording)
    patient = Patient(
        public_id=public_id or new_public_id(),
        clinic_id=clinic_id,
        first_name=first_name,
        last_name=last_name,
        search_name=search_name(first_name, last_name),
        born_on=born_on,
        time_zone=time_zone,
        phone_e164=phone_e164,
        **_consent(consent_how, wording, by, now),
        created_at=now,
    )
    session.add(patient)
    session.flush()
    note(session, patient, "patient.added", {"consent": consent_how, "wording": wording or 0}, by=by, now=now)
    return patient


def _consent(how: str, wording: int | None, by: Actor, now: pendulum.DateTime) -> dict[str, Any]:
    if not how:
        return {"reminders_on": False, "consent_how": "", "consent_wording": wording}
    given = {"consent_how": how, "consent_at": now, "consent_by_id": by.staff_id, "consent_wording": wording}
    return {"reminders_on": True, **given}


def replan_coming(
    session: Session, patient: Patient, *, new_number: bool = False, by: Actor, now: pendulum.DateTime
) -> None:
    """Derive anew the texts of a patient's coming appointments.

    A new number begins a new round: what was meant for the old one is taken back, its links end, and the
    confirmation goes to the new one.
    """
    coming = locks.appointments(session, Appointment.patient_id == patient.id, Appointment.starts_at > now)
    for appointment in coming:
        if new_number:
            newer = {"round": Appointment.round + 1, "version": Appointment.version + 1, "timed_at": now}
            session.execute(update(Appointment).where(Appointment.id == appointment.id).values(**newer))
            session.refresh(appointment)
            links.revoke(session, appointment.id, now=now)
            links.link_for(session, appointment, now)
    replan_each(session, coming, by=by, now=now)


def note(
    session: Session, patient: Patient, what: str, facts: dict[str, object], *, by: Actor, now: pendulum.DateTime
) -> None:
    """Record in the audit what was done to a patient; facts hold no names and no numbers."""
    subject = patient.public_id
    audit.record(session, actor=by, what=what, clinic_id=patient.clinic_id, subject=subject, facts=facts, now=now)
