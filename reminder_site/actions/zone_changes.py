"""A clinic's zone is corrected: its coming appointments keep their wall times, or their moments, as somebody chose.

`place_anew` runs inside its caller's transaction; the plans of what it places follow as after any change of settings.
"""

from typing import Final

import pendulum
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reminder_site.actions import appointment_columns as columns
from reminder_site.actions import links, locks
from reminder_site.domain import times
from reminder_site.domain.times import Placed
from reminder_site.models import Appointment, Clinic

WALL_TIMES: Final = "wall_times"  # 10:00 stays 10:00: the zone had been wrong, and patients know the right time
MOMENTS: Final = "moments"  # what begins in an hour begins in an hour: patients are told what their clock shows then


class ZoneIsAsked(Exception):
    """Appointments are coming in the clinic's old zone; nobody said what of them stands."""


def place_anew(
    session: Session, clinic: Clinic, *, old: str, new: str, placing: str, now: pendulum.DateTime
) -> dict[str, int | str]:
    """Place every coming appointment of the old zone in the new one; return the facts for the audit.

    Raises ZoneIsAsked when there are any and `placing` is neither WALL_TIMES nor MOMENTS.
    """
    mine = (
        Appointment.clinic_id == clinic.id,
        Appointment.state == "booked",
        Appointment.starts_at > now,
        Appointment.time_zone == old,
    )
    if placing not in {WALL_TIMES, MOMENTS}:
        if session.scalar(select(func.count()).select_from(Appointment).where(*mine)):
            raise ZoneIsAsked
        return {}
    found = locks.appointments(session, *mine)
    for appointment in found:
        if placing == WALL_TIMES:
            _keep_wall_time(appointment, new)
        else:
            _keep_moment(appointment, clinic, new, now)
        appointment.version += 1
    session.flush()
    for appointment in found:
        links.link_for(session, appointment, now)
    return {"placed_anew": len(found), "placing": placing}


def _keep_wall_time(appointment: Appointment, zone: str) -> None:
    at = times.resolve(appointment.starts_local, zone, appointment.fold)
    _set(appointment, columns.at(Placed(appointment.starts_local, zone, appointment.fold, at)))
    appointment.ics_sequence += 1


def _keep_moment(appointment: Appointment, clinic: Clinic, zone: str, now: pendulum.DateTime) -> None:
    """Give an appointment the wall time that its moment has in the new zone; its patient is told, as of a move."""
    local = times.to_local(appointment.starts_at, zone)
    placed = Placed(local.replace(fold=0), zone, local.fold, appointment.starts_at)
    told = bool(local.replace(fold=0) != appointment.starts_local)
    undo_until = now.add(minutes=clinic.undo_minutes)
    moved = columns.as_moved(appointment, True, undo_until, now, untold=False) if told else {}
    _set(appointment, columns.at(placed) | moved)


def _set(appointment: Appointment, values: dict[str, object]) -> None:
    for name, value in values.items():
        setattr(appointment, name, value)
