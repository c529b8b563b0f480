"""Passkeys as they are kept."""

from dataclasses import dataclass

import pendulum
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Passkey, Staff
from reminder_site.queries.accounts import admitted


@dataclass(frozen=True)
class PasskeyRow:
    """A passkey as its owner sees it."""

    public_id: str
    name: str
    made_at: pendulum.DateTime
    used_at: pendulum.DateTime | None


@dataclass(frozen=True)
class Kept:
    """What proves a passkey's answer, and whose it is."""

    id: int
    staff_id: int
    email: str
    public_key: str
    sign_count: int


def of(staff_id: int) -> list[PasskeyRow]:
    """List somebody's passkeys, the oldest first."""
    rows = db.session.scalars(select(Passkey).where(Passkey.staff_id == staff_id).order_by(Passkey.id))
    return [PasskeyRow(row.public_id, row.name, row.made_at, row.used_at) for row in rows]


def anybodys() -> bool:
    """Tell whether anybody has a passkey."""
    return db.session.scalar(select(Passkey.id).limit(1)) is not None


def credential_ids(staff_id: int) -> list[str]:
    """List the ids of somebody's passkeys, as browsers know them (base64url)."""
    return list(db.session.scalars(select(Passkey.credential_id).where(Passkey.staff_id == staff_id)))


def by_credential(credential_id: str) -> Kept | None:
    """Find a passkey of an account that may sign in, by its id as browsers know it."""
    whose = select(Passkey, Staff.email).join(Staff, Staff.id == Passkey.staff_id)
    found = db.session.execute(whose.where(Passkey.credential_id == credential_id, Staff.active, admitted())).first()
    if found is None:
        return None
    row, email = found
    return Kept(row.id, row.staff_id, email, row.public_key, row.sign_count)
