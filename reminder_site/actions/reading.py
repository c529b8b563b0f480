"""Who looked at whom: one row when somebody opens a patient's page, beside the audit's chain and without its lock."""

import pendulum
from sqlalchemy import insert, select

from reminder_site.db import db, retried, transaction
from reminder_site.models import Patient, PatientRead

ONE_LOOK_MINUTES = 15  # a page that renews itself, or is gone back to, is looked at once
READS = PatientRead.metadata.tables["patient_read"]


@retried
def note(*, clinic_id: int, patient_id: str, staff_id: int, page: str, now: pendulum.DateTime) -> None:
    """Note that somebody opened a page of a patient's, unless they did a moment ago (45 CFR 164.312(b))."""
    mine = Patient.clinic_id == clinic_id, Patient.public_id == patient_id
    lately = PatientRead.staff_id == staff_id, PatientRead.at > now.subtract(minutes=ONE_LOOK_MINUTES)
    seen = select(PatientRead.id).where(PatientRead.patient_id == Patient.id, *lately, PatientRead.at <= now)
    key = db.session.scalar(select(Patient.id).where(*mine, ~seen.exists()))
    db.session.rollback()
    if key is None:
        return
    row = {"clinic_id": clinic_id, "patient_id": key, "staff_id": staff_id, "page": page[:40], "at": now}
    with transaction() as session:
        session.execute(insert(READS).values(**row))
