"""What a patient's link opens: one appointment, and nothing else of the patient's but the first name."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pendulum
from sqlalchemy import select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain.dialogue import Standing
from reminder_site.models import Appointment, Clinic, ManageLink, Patient
from reminder_site.queries.plans import TOKEN_LENGTH
from reminder_site.queries.slots import is_taken

TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}", re.ASCII)


@dataclass(frozen=True)
class Linked:
    """The appointment behind a link. `starts_local` is the clinic's wall time, instants are UTC."""

    link_id: int
    uid: str
    version: int
    ics_sequence: int
    first_name: str
    clinic: str
    address: str
    phone: str
    country: str
    time_zone: str
    starts_local: datetime
    duration_minutes: int
    late_notice: bool
    standing: Standing

    @property
    def ends_at(self) -> pendulum.DateTime:
        """Return when it ends (UTC)."""
        return self.standing.starts_at.add(minutes=self.duration_minutes)


def token_hash(token: str) -> str:
    """Return what is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def derive(key: bytes, nonce: str) -> str:
    """Derive a link's token; it is never stored."""
    return urlsafe_b64encode(hmac.digest(key, nonce.encode(), hashlib.sha256)).decode("ascii")[:TOKEN_LENGTH]


def token_of(link: ManageLink) -> str | None:
    """Derive a link's token with the secret it was made with: after a rotation that is the previous one."""
    tokens = (derive(key, link.nonce) for key in settings().keys("link"))
    return next((token for token in tokens if token_hash(token) == link.token_hash), None)


def link_url(link: ManageLink) -> str:
    """Write a link out as the patient gets it; raises LookupError when the secret it was made with is gone."""
    token = token_of(link)
    if token is None:
        raise LookupError("the secret this link was made with is no longer known")
    return f"{settings().public_base_url}/m/{token}"


def url_of(*, key: int, now: pendulum.DateTime) -> str:
    """Return the address of the patient's page for an appointment (its row's own key); empty when there is none."""
    alive = ManageLink.appointment_id == key, ManageLink.revoked_at.is_(None), ManageLink.expires_at > now
    link = db.session.scalars(select(ManageLink).where(*alive).order_by(ManageLink.id.desc())).first()
    return link_url(link) if link is not None and token_of(link) else ""


def find(token: str, *, now: pendulum.DateTime) -> Linked | None:
    """Find what a link opens; None for a wrong, an expired and a revoked one alike."""
    if not TOKEN.fullmatch(token):
        return None
    row = db.session.execute(
        select(ManageLink, Appointment, Patient, Clinic)
        .join(Appointment, Appointment.id == ManageLink.appointment_id)
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Clinic, Clinic.id == Appointment.clinic_id)
        .where(ManageLink.token_hash == token_hash(token), ManageLink.revoked_at.is_(None), ManageLink.expires_at > now)
    ).first()
    return _linked(*row) if row else None


def _linked(link: ManageLink, appointment: Appointment, patient: Patient, clinic: Clinic) -> Linked:
    return Linked(
        link_id=link.id,
        uid=appointment.public_id,
        version=appointment.version,
        ics_sequence=appointment.ics_sequence,
        first_name=patient.first_name,
        clinic=clinic.name,
        address=clinic.address or clinic.place,
        phone=clinic.phone,
        country=clinic.country,
        time_zone=appointment.time_zone,
        starts_local=appointment.starts_local,
        duration_minutes=appointment.duration_minutes,
        late_notice=appointment.late_notice,
        standing=standing_of(appointment),
    )


def standing_of(appointment: Appointment) -> Standing:
    """Say how an appointment stands, for whoever weighs an answer to it."""
    return Standing(
        starts_at=appointment.starts_at,
        state=appointment.state,
        answer=appointment.answer,
        cancelled_by=appointment.cancelled_by,
        slot_taken=appointment.state == "cancelled" and is_taken(appointment),
    )
