"""Plan many appointments of which one may be beyond it: that one is put aside and shown, the others go on."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pendulum
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from reminder_site.actions.outbox import unwant
from reminder_site.actions.plan_rows import ALIVE
from reminder_site.actions.plans import replan
from reminder_site.db import aside
from reminder_site.domain.actor import WORKER, Actor
from reminder_site.domain.refusals import Refused
from reminder_site.models import Appointment, Clinic, Message, Patient
from reminder_site.queries.plans import Ground

log = logging.getLogger("reminder_site.one_by_one")
Result = TypeVar("Result")
_version = select(Clinic.plan_version).where(Clinic.id == Appointment.clinic_id).scalar_subquery()


def replan_each(
    session: Session,
    appointments: Sequence[Appointment],
    *,
    by: Actor,
    now: pendulum.DateTime,
    base: Ground | None = None,
) -> None:
    """Plan some locked appointments anew; what was done to them stands, also where a plan cannot be made.

    For whatever must not fail because of a plan: an answer, an opt-out, a new number.
    """
    session.flush()
    ids = [appointment.id for appointment in appointments]
    one_by_one(session, ids, lambda each: replan(session, each, by=by, now=now, base=base), now=now)


def one_by_one(
    session: Session,
    ids: Sequence[int],
    work: Callable[[Appointment], Result],
    *,
    now: pendulum.DateTime,
    **tried: Any,
) -> list[Result]:
    """Do something to each of some locked appointments; return what came of those it could be done to.

    One that raises is left as it was, with the reason beside it, until its settings or the zone rules change again;
    the columns in `tried` say that it was its turn. What the database itself refuses (it is busy, full, or gone) is
    raised: that is no fault of the appointment's.
    """
    done = []
    for appointment_id in ids:
        try:
            with aside(session):
                appointment = session.get_one(Appointment, appointment_id, populate_existing=True)
                done.append(work(appointment))
        except OperationalError:
            raise
        except Exception as error:
            log.exception("appointment %s could not be planned anew and is put aside", appointment_id)
            _put_aside(session, appointment_id, error, tried, now)
    return done


def _put_aside(
    session: Session, appointment_id: int, error: Exception, tried: dict[str, Any], now: pendulum.DateTime
) -> None:
    words = error.words if isinstance(error, Refused) else f"something went wrong here: {type(error).__name__}"
    mark = {"plan_trouble": words[:200], "planned_with": _version, **tried}
    put_aside = update(Appointment).where(Appointment.id == appointment_id).values(**mark)
    session.execute(put_aside.execution_options(synchronize_session=False))
    state = session.scalar(select(Appointment.state).where(Appointment.id == appointment_id))
    if state == "cancelled":  # whatever its plan: nothing that expects the patient may leave
        expecting = Message.appointment_id == appointment_id, Message.kind == "reminder", Message.state.in_(ALIVE)
        ids = session.scalars(select(Message.id).where(*expecting)).all()
        unwant(session, ids, why="the appointment was cancelled", by=WORKER, now=now)
    _leave_the_old_number(session, appointment_id, now)


def _leave_the_old_number(session: Session, appointment_id: int, now: pendulum.DateTime) -> None:
    """Take back what is on its way to a number that is not the patient's any more: that needs no plan."""
    theirs = (
        select(Message.id)
        .join(Patient, Patient.id == Message.patient_id)
        .where(Message.appointment_id == appointment_id, Message.state.in_(ALIVE))
        .where(Message.to_e164 != Patient.phone_e164)
    )
    unwant(session, session.scalars(theirs).all(), why="the patient has another number now", by=WORKER, now=now)
