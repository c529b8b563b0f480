"""Shared steps of every change to a clinic's settings: nobody overwrites what another saved; plans follow."""

from typing import Any

import pendulum
from sqlalchemy import update
from sqlalchemy.orm import Session

from reminder_site.actions import audit
from reminder_site.actions.outbox import rows
from reminder_site.domain.actor import Actor
from reminder_site.models import Clinic


class SettingsChanged(Exception):
    """Somebody else saved this clinic's settings since the page was opened."""


class NotHere(Exception):
    """This clinic has no such thing; it may be another's."""


def claim(session: Session, clinic_id: int, version: int | None) -> None:
    """Count the clinic's settings one version up; raises SettingsChanged unless `version` is the present one.

    Without a version (something is added, nothing overwritten) it always succeeds.
    """
    where = [Clinic.id == clinic_id] + ([Clinic.version == version] if version is not None else [])
    if rows(session.execute(update(Clinic).where(*where).values(version=Clinic.version + 1))) == 0:
        raise SettingsChanged


def plans_follow(session: Session, clinic_id: int) -> None:
    """Have every coming appointment of the clinic planned anew (see actions.replanning)."""
    newer = {"plan_version": Clinic.plan_version + 1, "plans_behind": True, "plans_follow_since": None}
    session.execute(update(Clinic).where(Clinic.id == clinic_id).values(**newer))


def note(
    session: Session,
    clinic_id: int,
    what: str,
    subject: str,
    facts: dict[str, Any],
    *,
    by: Actor,
    now: pendulum.DateTime,
) -> None:
    """Write a change of settings down; times and days are told as text."""
    plain = {
        key: value if isinstance(value, str | int | bool | dict | list) else str(value) for key, value in facts.items()
    }
    audit.record(session, actor=by, what=what, clinic_id=clinic_id, subject=subject, facts=plain, now=now)


def changes(row: object, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what of `wanted` differs from the row, as the facts of its audit entry."""
    return {name: value for name, value in wanted.items() if getattr(row, name) != value}
