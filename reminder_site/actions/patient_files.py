"""That somebody took everything about a patient out of the site, written down before they get it."""

import pendulum

from reminder_site.actions import patient_rows
from reminder_site.actions.appointment_rows import of_clinic
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Patient


@retried
def note_taken(*, clinic_id: int, patient_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Note in the audit that a patient's file is taken; raises NotHere."""
    with transaction() as session:
        patient = of_clinic(session, Patient, clinic_id, patient_id)
        patient_rows.note(session, patient, "patient.file_taken", {}, by=by, now=now)
