"""Numbers that asked for no more texts, and whatever else keeps texts from a patient, as pages show it."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import func, select

from reminder_site.db import db
from reminder_site.domain import consent
from reminder_site.models import Clinic, OptOut, Patient
from reminder_site.queries.patients import PatientLine
from reminder_site.queries.plans import sender_of


@dataclass(frozen=True)
class InForce:
    """An opt-out: the word, where it came from, and since when (UTC).

    Nothing of that is told of one from before the clinic knew the number: it was said to another clinic.
    """

    word: str = ""
    source: str = ""
    started_at: pendulum.DateTime | None = None


def of_number(*, clinic_id: int, e164: str) -> InForce | None:
    """Find the opt-out of a number from a clinic's texts, if one is in force."""
    if not e164:
        return None
    sender = sender_of(db.session.get_one(Clinic, clinic_id))
    ours = select(func.min(Patient.created_at)).where(Patient.clinic_id == clinic_id, Patient.phone_e164 == e164)
    row = db.session.execute(
        select(OptOut.word, OptOut.source, OptOut.started_at, (OptOut.started_at >= ours.scalar_subquery())).where(
            OptOut.e164 == e164, OptOut.sender == sender, OptOut.ended_at.is_(None)
        )
    ).first()
    if row is None:
        return None
    word, source, started_at, heard_here = row
    return InForce(word, source, started_at) if heard_here else InForce()


def texts_off(clinic: Clinic, patient: PatientLine, opt_out: InForce | None) -> str | None:
    """Say why nothing can be texted to a patient, as the desk would be refused; None when texts can go out."""
    standing = consent.Standing(patient.phone_e164, opt_out is not None, patient.phone_flag, patient.agreed)
    return consent.why_not(standing) or (None if clinic.texting_on else consent.TEXTING_OFF)
