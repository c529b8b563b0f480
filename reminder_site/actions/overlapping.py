"""Nobody is booked twice at once unasked: shared steps of booking and moving, inside their transaction."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from reminder_site.actions import locks
from reminder_site.domain.refusals import Overlaps
from reminder_site.models import Appointment
from reminder_site.queries import overlaps


def wait_turn(session: Session, clinic_id: int, beside: Collection[str] | None) -> None:
    """Let two people of one clinic book one after the other, so that the second sees what the first has booked."""
    if beside is not None:
        locks.hold(session, f"booking:{clinic_id}")


def refuse(session: Session, appointment: Appointment, beside: Collection[str] | None) -> None:
    """Raise Overlaps when the appointment overlaps one that is not among `beside`; None looks for nothing."""
    if beside is None:
        return
    session.flush()
    if overlaps.ids_of(appointment) - set(beside):
        raise Overlaps("Somebody else booked this time just now. Look again, then save.")
