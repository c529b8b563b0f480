"""The audit chain as it is stored: its newest entry, and all of it in order."""

from collections.abc import Iterator

from sqlalchemy import select

from reminder_site.db import db
from reminder_site.domain.audit_seal import SEALED, Entry, Head
from reminder_site.models import Audit

AT_ONCE = 1000


def head() -> Head:
    """Return the newest entry of the chain."""
    row = db.session.execute(select(Audit.id, Audit.hash).order_by(Audit.id.desc()).limit(1)).first()
    db.session.rollback()
    return Head(*row) if row else Head()


def holds(noted: Head) -> bool:
    """Say whether the chain still has the entry that was noted as its newest."""
    found = db.session.scalar(select(Audit.hash).where(Audit.id == noted.number))
    db.session.rollback()
    return noted.number == 0 or found == noted.hash


def entries() -> Iterator[Entry]:
    """Read the whole chain by number, a thousand entries at a time."""
    number, full = 0, True
    while full:
        rows = db.session.scalars(select(Audit).where(Audit.id > number).order_by(Audit.id).limit(AT_ONCE)).all()
        for row in rows:
            content = {name: getattr(row, name) for name in ("at", *SEALED)}
            yield Entry(row.id, content, row.key_id, row.hash)
        number, full = (rows[-1].id if rows else number), len(rows) == AT_ONCE
        db.session.rollback()
        db.session.expunge_all()
