"""What a patient's link opens: one appointment, and nothing else of the patient's but the first name."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pendulum
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain import link_tokens
from reminder_site.domain.dialogue import Standing
from reminder_site.models import Appointment, Clinic, Clinician, ManageLink, Patient
from reminder_site.queries.slots import is_taken


@dataclass(frozen=True)
class Linked:
    """The appointment behind a link. `starts_local` is the clinic's wall time, instants are UTC.

    `shown` stands for the time, place and clinician that a page made of this shows.
    """

    link_id: int
    uid: str
    version: int
    shown: str
    ics_sequence: int
    first_name: str
    clinic: str
    address: str
    clinician: str
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
    return link_tokens.short(_digest(key, nonce))


def token_of(link: ManageLink) -> str | None:
    """Derive a link's token with the secret and in the length it was made with, be they the previous ones."""
    digests = [_digest(key, link.nonce) for key in settings().keys("link")]
    tokens = [written(digest) for digest in digests for written in (link_tokens.short, link_tokens.old)]
    return next((token for token in tokens if token_hash(token) == link.token_hash), None)


def address_of(token: str) -> str:
    """Write out the address that a link with this token has."""
    return f"{settings().public_base_url}/m/{token}"


def link_url(link: ManageLink) -> str:
    """Write a link out as the patient gets it; raises LookupError when the secret it was made with is gone."""
    token = token_of(link)
    if token is None:
        raise LookupError("the secret this link was made with is no longer known")
    return address_of(token)


def url_of(*, key: int, now: pendulum.DateTime) -> str:
    """Return the address of the patient's page for an appointment (its row's own key); empty when there is none."""
    alive = ManageLink.appointment_id == key, ManageLink.revoked_at.is_(None), ManageLink.expires_at > now
    link = db.session.scalars(select(ManageLink).where(*alive).order_by(ManageLink.id.desc())).first()
    return link_url(link) if link is not None and token_of(link) else ""


def as_shown(url: str) -> str:
    """Return how a page shows a link that nobody is to open from there; one as new links are when there is none yet."""
    return link_tokens.masked(url or address_of("x" * link_tokens.LENGTH))


def find(token: str, *, now: pendulum.DateTime) -> Linked | None:
    """Find what a link opens; None for a wrong, an expired and a revoked one alike."""
    row = _known(token, ManageLink.revoked_at.is_(None), ManageLink.expires_at > now)
    return _linked(*row) if row else None


def clinic_of_ended(token: str) -> Clinic | None:
    """Return the clinic of a link, though it has ended; a link that never was belongs to none."""
    row = _known(token)
    return row[3] if row else None


def only_clinic() -> Clinic | None:
    """Return the site's clinic where it has one only, to tell whoever is lost here whom to phone.

    None while the database cannot be asked: that may be why they are lost.
    """
    try:
        db.session.rollback()
        found = db.session.scalars(select(Clinic).limit(2)).all()
    except SQLAlchemyError:
        return None
    return found[0] if len(found) == 1 else None


def shown_of(appointment: Appointment, clinic: Clinic, clinician: str) -> str:
    """Return a short stand-in for what a page shows of an appointment: time, place and clinician."""
    facts = (appointment.starts_at.isoformat(), appointment.time_zone, clinic.name, _place(clinic), clinician)
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _digest(key: bytes, nonce: str) -> bytes:
    return hmac.digest(key, nonce.encode(), hashlib.sha256)


def _place(clinic: Clinic) -> str:
    return clinic.address or clinic.place


def _known(token: str, *conditions: Any) -> Any:
    if not link_tokens.TOKEN.fullmatch(token):
        return None
    return db.session.execute(
        select(ManageLink, Appointment, Patient, Clinic, Clinician.name)
        .join(Appointment, Appointment.id == ManageLink.appointment_id)
        .join(Patient, Patient.id == Appointment.patient_id)
        .join(Clinic, Clinic.id == Appointment.clinic_id)
        .join(Clinician, Clinician.id == Appointment.clinician_id, isouter=True)
        .where(ManageLink.token_hash == token_hash(token), *conditions)
    ).first()


def _linked(link: ManageLink, appointment: Appointment, patient: Patient, clinic: Clinic, who: str | None) -> Linked:
    return Linked(
        link_id=link.id,
        uid=appointment.public_id,
        version=appointment.version,
        shown=shown_of(appointment, clinic, who or ""),
        ics_sequence=appointment.ics_sequence,
        first_name=patient.first_name,
        clinic=clinic.name,
        address=_place(clinic),
        clinician=who or "",
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
