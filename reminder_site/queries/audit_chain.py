"""The audit chain as it is stored: its newest entry, and all of it in order."""

from collections.abc import Iterator

from sqlalchemy import select

from reminder_site.db import db
from reminder_site.domain.audit_seal import SEALED, Entry, Head
from reminder_site.models import Audit

AT_ONCE = 1000
_audit = Audit.metadata.tables["audit"]
NEWEST = select(_audit.c.id, _audit.c.hash).order_by(_audit.c.id.desc()).limit(1)  # noted at every heartbeat


def head() -> Head:
    """Return the newest entry of the chain."""
    row = db.session.execute(NEWEST).first()
    db.session.rollback()
    return Head(*row) if row else Head()


def holds(noted: Head) -> bool:
    """Say whether the chain still has the entry that was noted as its newest."""
    found = db.session.scalar(select(Audit.hash).where(Audit.id == noted.number))
    db.session.rollback()
    return noted.number == 0 or found == noted.hash


def entries(*, after: int | None = None) -> Iterator[Entry]:
    """Read the chain by number, a thousand entries at a time: all of it, or what follows an entry known as sound."""
    number, full = after, True
    while full:
        step = select(Audit).order_by(Audit.id).limit(AT_ONCE)
        # No lower end at first: ours begin at 1, and what somebody puts before that is to be met, too.
        rows = db.session.scalars(step if number is None else step.where(Audit.id > number)).all()
        for row in rows:
            content = {name: getattr(row, name) for name in ("at", *SEALED)}
            yield Entry(row.id, content, row.key_id, row.hash)
        number, full = (rows[-1].id if rows else number), len(rows) == AT_ONCE
        db.session.rollback()
        db.session.expunge_all()
