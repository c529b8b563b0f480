"""A text that could not be called back in time left all the same: who was misled by it is told how it stands.

Twilio takes no cancel for sure in the last minute, and a cancel may fail until then. What left so is found here.
"""

from collections.abc import Sequence
from typing import Any

import pendulum
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import appointment_columns as columns
from reminder_site.actions import appointment_rows as rows
from reminder_site.actions import audit, links, locks
from reminder_site.actions.one_by_one import one_by_one
from reminder_site.actions.plans import replan
from reminder_site.db import db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import WORKER
from reminder_site.domain.drafts import kind_of
from reminder_site.models import Appointment, Message, Patient, Reminder
from reminder_site.models.message import UNWANTED

REACHED = frozenset({states.ACCEPTED, states.SENT, states.DELIVERED, states.READ})
LOOKED_BACK_HOURS = 72  # as long as Twilio is asked how a text is


def carry_on(*, now: pendulum.DateTime) -> int:
    """Correct what was told by texts that nobody wanted any more; returns how many appointments that concerned."""
    misled = _misled(db.session(), _left_unwanted(now))
    db.session.rollback()
    return _correct(misled, now) if misled else 0


@retried
def _correct(ids: Sequence[int], now: pendulum.DateTime) -> int:
    """Plan a notice that says how each of some appointments stands, where that is still not what was told last."""
    with transaction() as session:
        free = locks.free_appointments(session, ids)
        return len(one_by_one(session, _misled(session, free), lambda each: _tell(session, each, now), now=now))


def _tell(session: Session, appointment: Appointment, now: pendulum.DateTime) -> None:
    kind = "cancelled" if appointment.state == "cancelled" else "still_on"
    noticed = columns.notice(appointment, kind, now)
    session.execute(update(Appointment).where(Appointment.id == appointment.id).values(**noticed))
    session.refresh(appointment)
    links.link_for(session, appointment, now)
    told = {"facts": {"kind": kind, "why": "a text that was taken back had left"}, **rows.subject(appointment)}
    audit.record(session, actor=WORKER, what="appointment.told_again", now=now, **told)
    replan(session, appointment, by=WORKER, now=now)


def _left_unwanted(now: pendulum.DateTime) -> list[int]:
    """Return the coming appointments of which a text left lately that nobody wanted any more."""
    lately = UNWANTED, Message.send_at > now.subtract(hours=LOOKED_BACK_HOURS), Message.send_at <= now
    found = (
        select(Message.appointment_id)
        .join(Appointment, Appointment.id == Message.appointment_id)
        .where(*lately, Message.state.in_(REACHED), Message.reminder_id.is_not(None))
        .where(Appointment.starts_at > now, Appointment.plan_trouble == "")
        .distinct()
    )
    return [appointment_id for appointment_id in db.session.scalars(found) if appointment_id is not None]


def _misled(session: Session, ids: Sequence[int]) -> list[int]:
    """Return those of some appointments whose patient was last told something else than what stands."""
    misled = []
    for appointment_id in ids:
        appointment = session.get_one(Appointment, appointment_id, populate_existing=True)
        phone = select(Patient.phone_e164).where(Patient.id == appointment.patient_id).scalar_subquery()
        on_its_phone = Message.to_e164 == phone
        texts = session.execute(
            select(Reminder.step_key, Reminder.wanted.label("planned"), Message.state, Message.wanted, Message.told)
            .join(Message, Message.reminder_id == Reminder.id, isouter=True)
            .where(Reminder.appointment_id == appointment_id, or_(Message.id.is_(None), on_its_phone))
            .order_by(rows.HEARD_AT, Message.id)
        ).all()
        if _is_misled(appointment, texts):
            misled.append(appointment_id)
    return misled


def _is_misled(appointment: Appointment, texts: Sequence[Any]) -> bool:
    heard = [text for text in texts if text.state in REACHED]
    if not heard or heard[-1].wanted or _is_being_told(appointment, texts):
        return False
    ends = [kind_of(text.step_key) == "cancelled" for text in heard]
    if appointment.state == "cancelled":  # who was never told of it by text has heard of it otherwise
        return not ends[-1] and any(ends)
    now = appointment.starts_local.isoformat()
    return ends[-1] or (heard[-1].told or {}).get("starts", now) != now


def _is_being_told(appointment: Appointment, texts: Sequence[Any]) -> bool:
    """Say whether the text about the last change is still to come, or is skipped for a reason that is shown."""
    key = f"{appointment.notice_kind}-{appointment.notice_serial}"
    return any(text.step_key == key and text.planned and text.state not in REACHED for text in texts)
