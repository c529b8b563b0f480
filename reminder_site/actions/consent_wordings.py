"""What patients are read or sign when they agree to texts: new versions are added, none is ever changed."""

import pendulum
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from reminder_site.actions.settings_guard import claim, note
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import NotHere
from reminder_site.models import ConsentWording


@retried
def add_wording(*, clinic_id: int, body: str, by: Actor, now: pendulum.DateTime) -> int:
    """Add a version of a clinic's wording of consent and return its number; the same words again add nothing."""
    with transaction() as session:
        claim(session, clinic_id, None)
        newest = newest_version(session, clinic_id)
        mine = ConsentWording.clinic_id == clinic_id, ConsentWording.version == newest
        if newest and session.scalar(select(ConsentWording.body).where(*mine)) == body:
            return newest
        version = (newest or 0) + 1
        row = ConsentWording(clinic_id=clinic_id, version=version, body=body, made_at=now, made_by_id=by.staff_id)
        session.add(row)
        session.flush()
        facts = {"version": version, "body": body}
        note(session, clinic_id, "consent_wording.added", str(version), facts, by=by, now=now)
        return version


def newest_version(session: Session, clinic_id: int) -> int | None:
    """Return the number of the wording in use, None while a clinic has noted none."""
    return session.scalar(select(func.max(ConsentWording.version)).where(ConsentWording.clinic_id == clinic_id))


def used(session: Session, clinic_id: int, how: str, wording: int | None) -> int | None:
    """Return the version that a consent was given to: the one named, else the newest; raises NotHere."""
    if not how:
        return None
    if wording is None:
        return newest_version(session, clinic_id)
    mine = ConsentWording.clinic_id == clinic_id, ConsentWording.version == wording
    if session.scalar(select(ConsentWording.id).where(*mine)) is None:
        raise NotHere("This clinic has no such wording.")
    return wording
