"""A patient's side of a conversation, for tests: texting in, having been texted, the link."""

from itertools import count

from sqlalchemy import func, select, update

from reminder_site.actions import answers, links
from reminder_site.db import db, transaction
from reminder_site.models import Appointment, InboundMessage, Message

PHONE = "+12125550142"
sids = count(1)


def text(body, now, phone=PHONE, sid=None, to="+15005550006", **more):
    """Have a patient send a text, which she wrote just now unless said otherwise; returns the reply."""
    sid = sid or f"SM{next(sids):032x}"
    about = {"sid": sid, "from_e164": phone, "to": to, "written_at": now} | more
    return answers.receive(body=body, media_count=0, now=now, **about)


def heard(appointment, at):
    """Let the appointment's first text have reached the patient."""
    first = select(func.min(Message.id)).where(Message.appointment_id == appointment.id).scalar_subquery()
    with transaction() as session:
        delivered = {"state": "delivered", "send_at": at, "next_action_at": None}
        session.execute(update(Message).where(Message.id == first).values(**delivered))


def link_to(appointment, now):
    """The path of the patient's page of an appointment."""
    with transaction() as session:
        link = links.link_for(session, session.get_one(Appointment, appointment.id), now)
        return links.link_url(link).removeprefix("http://localhost")


def coming(appointment):
    """The states of the appointment's texts that are still to come."""
    wanted = Message.appointment_id == appointment.id, Message.wanted, Message.state.in_(["pending", "scheduled"])
    return db.session.scalars(select(Message.state).where(*wanted)).all()


def fresh(row):
    """The row as it is in the database now."""
    db.session.rollback()
    return db.session.get(type(row), row.id, populate_existing=True)


def last_text():
    """The text that came in last."""
    return db.session.scalar(select(InboundMessage).order_by(InboundMessage.id.desc()).limit(1))
