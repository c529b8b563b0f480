"""Work on many appointments of which one may be beyond it: that one is put aside and shown, the others go on."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from reminder_site.db import aside
from reminder_site.domain.refusals import Refused
from reminder_site.models import Appointment, Clinic

log = logging.getLogger("reminder_site.one_by_one")
Result = TypeVar("Result")
_version = select(Clinic.plan_version).where(Clinic.id == Appointment.clinic_id).scalar_subquery()


def one_by_one(
    session: Session, ids: Sequence[int], work: Callable[[Appointment], Result], **tried: Any
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
            _put_aside(session, appointment_id, error, tried)
    return done


def _put_aside(session: Session, appointment_id: int, error: Exception, tried: dict[str, Any]) -> None:
    words = error.words if isinstance(error, Refused) else f"something went wrong here: {type(error).__name__}"
    mark = {"plan_trouble": words[:200], "planned_with": _version, **tried}
    put_aside = update(Appointment).where(Appointment.id == appointment_id).values(**mark)
    session.execute(put_aside.execution_options(synchronize_session=False))
