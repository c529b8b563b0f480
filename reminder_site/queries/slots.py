"""Whether a clinician's time has been given to somebody else."""

from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Appointment

LONGEST_HOURS = 12


def is_taken(appointment: Appointment) -> bool:
    """Say whether another patient is booked with the same clinician during an appointment's time."""
    if appointment.clinician_id is None:
        return False
    ends_at = appointment.starts_at.add(minutes=appointment.duration_minutes)
    others = db.session.execute(
        select(Appointment.starts_at, Appointment.duration_minutes).where(
            Appointment.clinic_id == appointment.clinic_id,
            Appointment.clinician_id == appointment.clinician_id,
            Appointment.id != appointment.id,
            Appointment.state == "booked",
            Appointment.starts_at > appointment.starts_at.subtract(hours=LONGEST_HOURS),
            Appointment.starts_at < ends_at,
        )
    )
    return any(row.starts_at.add(minutes=row.duration_minutes) > appointment.starts_at for row in others)
