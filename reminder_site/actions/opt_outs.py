"""A number that wants no more texts: kept at once, everything on its way to it taken back. Shared steps.

Law and carriers ask for it within days; here it is done in the transaction that stores the word.
"""

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit, locks, outbox
from reminder_site.actions.one_by_one import replan_each
from reminder_site.domain.actor import Actor
from reminder_site.models import Appointment, OptOut, Patient
from reminder_site.queries import threads
from reminder_site.queries.plans import is_opted_out


def start(
    session: Session,
    e164: str,
    sender: str,
    *,
    word: str,
    source: str,
    said_at: pendulum.DateTime | None = None,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    """Keep an opt-out and take back every text to the number; one that is in force already changes nothing.

    One that was found late began when it was said (`said_at`, UTC).
    """
    why = "wrong number" if source == "wrong_number" else "the patient opted out"
    whose = patients_of(session, e164, sender)
    if not is_opted_out(session, e164, sender):
        session.add(OptOut(e164=e164, sender=sender, word=word[:32], source=source, started_at=said_at or now))
        session.flush()
    _replan_all(session, whose, what="opt_out.started", facts={"source": source}, by=by, now=now)
    outbox.unwant_number(session, e164, sender, why=why, by=by, now=now)


def end(session: Session, e164: str, sender: str, *, by: Actor, now: pendulum.DateTime) -> bool:
    """End the opt-out of a number, plan its texts again; False when there was none."""
    whose = patients_of(session, e164, sender)
    if not is_opted_out(session, e164, sender):
        return False
    in_force = OptOut.e164 == e164, OptOut.sender == sender, OptOut.ended_at.is_(None)
    session.execute(update(OptOut).where(*in_force).values(ended_at=now))
    _replan_all(session, whose, what="opt_out.ended", facts={}, by=by, now=now)
    return True


def carry_over(session: Session, clinic_id: int, old: str, new: str, *, now: pendulum.DateTime) -> None:
    """Let the opt-outs of a clinic's patients hold for the sender it texts from from now on as well."""
    theirs = select(Patient.phone_e164).where(Patient.clinic_id == clinic_id, Patient.phone_e164 != "")
    in_force = OptOut.e164.in_(theirs), OptOut.ended_at.is_(None)
    known = set(session.scalars(select(OptOut.e164).where(*in_force, OptOut.sender == new)))
    for row in session.scalars(select(OptOut).where(*in_force, OptOut.sender == old).order_by(OptOut.id)):
        if row.e164 not in known:
            session.add(OptOut(e164=row.e164, sender=new, word=row.word, source="other_sender", started_at=now))
    session.flush()


def patients_of(session: Session, e164: str, sender: str) -> list[Patient]:
    """Lock the patients a number belongs to, among the clinics of one sender."""
    ids = [patient.id for patient in threads.numbers_patients(e164, sender)]
    return locks.patients(session, Patient.id.in_(ids)) if ids else []


def _replan_all(
    session: Session, whose: list[Patient], *, what: str, facts: dict[str, str], by: Actor, now: pendulum.DateTime
) -> None:
    for patient in whose:
        audit.record(
            session, actor=by, what=what, clinic_id=patient.clinic_id, subject=patient.public_id, facts=facts, now=now
        )
    replan_coming(session, whose, by=by, now=now)


def replan_coming(session: Session, whose: list[Patient], *, by: Actor, now: pendulum.DateTime) -> None:
    """Derive anew the texts of the coming appointments of all these patients."""
    coming = Appointment.patient_id.in_([patient.id for patient in whose]), Appointment.starts_at > now
    if whose:
        replan_each(session, locks.appointments(session, *coming), by=by, now=now)
