"""An appointment at the desk, for tests: booked, moved, cancelled; how it stands, and what is planned to be texted."""

from datetime import datetime

from sqlalchemy import select

from reminder_site.actions import appointments
from reminder_site.actions.appointments import NewPatient, Tell
from reminder_site.db import db
from reminder_site.domain.actor import Actor
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Message, Reminder

ALICE = Actor("staff", "Alice")
CAROL = NewPatient("Carol", "Reed", "+12125550147", "spoken")


def at(clinic, *parts):
    """A wall time at a clinic, with its instant."""
    return moment(datetime(*parts), clinic.time_zone)


def book(clinic, now, time, patient=CAROL, by=ALICE, **more):
    """Book an appointment; returns its public id."""
    return appointments.book(clinic_id=clinic.id, patient=patient, time=time, by=by, now=now, **more)


def read(public_id):
    """The appointment as it is in the database now."""
    db.session.rollback()
    return db.session.scalar(
        select(Appointment).where(Appointment.public_id == public_id).execution_options(populate_existing=True)
    )


def texts(public_id, *states):
    """Name what is planned for an appointment, or stands in one of the states."""
    db.session.rollback()
    rows = db.session.execute(
        select(Reminder.step_key, Message.state, Message.body)
        .join(Message, Message.reminder_id == Reminder.id)
        .join(Appointment, Appointment.id == Message.appointment_id)
        .where(Appointment.public_id == public_id, Message.state.in_(states or ("pending", "scheduled")))
        .order_by(Message.send_at)
    )
    return [row.step_key for row in rows]


def move(clinic, public_id, now, *, time=None, told=True, version=1, **more):
    """Move an appointment, to Wednesday 25 November at 9 unless another time is given."""
    appointments.move(
        clinic_id=clinic.id,
        appointment_id=public_id,
        time=time or at(clinic, 2026, 11, 25, 9, 0),
        tell=Tell(told, "asked for it"),
        version=version,
        by=ALICE,
        now=now,
        **more,
    )


def cancel(clinic, public_id, now, *, told=True, **more):
    """Cancel an appointment."""
    appointments.cancel(
        clinic_id=clinic.id, appointment_id=public_id, reason="ill", tell=Tell(told), by=ALICE, now=now, **more
    )
