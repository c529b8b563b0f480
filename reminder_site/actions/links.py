"""A patient's link to one appointment: made, prolonged, revoked. The token is derived when it is needed, never stored.

Shared steps; each runs inside its caller's transaction.
"""

import re
import secrets

import pendulum
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import locks
from reminder_site.config import settings
from reminder_site.domain import link_tokens
from reminder_site.models import Appointment, ManageLink
from reminder_site.queries.links import derive, token_hash, token_of
from reminder_site.queries.links import link_url as link_url
from reminder_site.queries.plans import LINK_FIELD

LIVES_ON_HOURS = 24


def link_for(session: Session, appointment: Appointment, now: pendulum.DateTime) -> ManageLink:
    """Return the link to an appointment, made when there is none; it dies 24 h after the appointment's present end."""
    link = _standing(session, appointment) or _add(session, appointment)
    link.expires_at = _dies_at(appointment)
    session.flush()
    return link


def fill(session: Session, body: str, appointment_id: int | None, *, now: pendulum.DateTime) -> str:
    """Return a message's text as it leaves, with the patient's link in its place if the text has one."""
    if LINK_FIELD not in body:
        return body
    appointment = session.get(Appointment, appointment_id) if appointment_id else None
    url = link_url(_standing(session, appointment) or _add(session, appointment)) if appointment else ""
    return body.replace(LINK_FIELD, url)


def as_sent(body: str) -> re.Pattern[str]:
    """Return what a message's text looks like once it has left, whichever link it left with: links are revoked."""
    link = rf"https?://\S+/m/{link_tokens.SHAPE}"
    return re.compile(link.join(re.escape(part) for part in body.split(LINK_FIELD)))


def relearn(session: Session, appointment_id: int, text: str, *, now: pendulum.DateTime) -> None:
    """Let the link in a text that went out work again, though this database had not known it; it cannot be remade."""
    appointment = session.get(Appointment, appointment_id)
    found = re.search(rf"/m/({link_tokens.SHAPE})", text)
    if appointment is None or found is None or _dies_at(appointment) <= now:
        return
    known = token_hash(found[1])
    if session.scalar(select(ManageLink.id).where(ManageLink.token_hash == known)) is None:
        row = {"appointment_id": appointment_id, "nonce": "", "token_hash": known, "expires_at": _dies_at(appointment)}
        session.execute(insert(ManageLink), [row])


def revoke(session: Session, appointment_id: int, *, now: pendulum.DateTime) -> None:
    """End every link to an appointment, at once."""
    locks.appointments(session, Appointment.id == appointment_id)
    session.execute(
        update(ManageLink)
        .where(ManageLink.appointment_id == appointment_id, ManageLink.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _standing(session: Session, appointment: Appointment) -> ManageLink | None:
    """Find the link to an appointment that is in force and whose token can be made anew; never changes it."""
    mine = ManageLink.appointment_id == appointment.id, ManageLink.revoked_at.is_(None)
    link = session.scalar(select(ManageLink).where(*mine).order_by(ManageLink.id.desc()))
    return link if link is not None and token_of(link) is not None else None


def _add(session: Session, appointment: Appointment) -> ManageLink:
    link = _new(appointment)
    session.add(link)
    session.flush()
    return link


def _dies_at(appointment: Appointment) -> pendulum.DateTime:
    return appointment.starts_at.add(minutes=appointment.duration_minutes).add(hours=LIVES_ON_HOURS)


def _new(appointment: Appointment) -> ManageLink:
    nonce = secrets.token_urlsafe(24)[:32]
    token = derive(settings().keys("link")[0], nonce)
    return ManageLink(
        appointment_id=appointment.id, nonce=nonce, token_hash=token_hash(token), expires_at=_dies_at(appointment)
    )
