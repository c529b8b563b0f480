"""The hash-chained record: entries gather during a transaction and join the chain as its last step."""

from typing import Any

import pendulum
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from reminder_site.config import settings
from reminder_site.db import before_commit
from reminder_site.domain.actor import Actor
from reminder_site.domain.audit_seal import GENESIS, key_id, seal
from reminder_site.models import Audit

CHAIN_LOCK = 0x5EA1
# Every change of a message passes here: its statements are built once, and straight on the table.
CHAIN = Audit.metadata.tables["audit"]
LAST = select(CHAIN.c.id, CHAIN.c.hash).order_by(CHAIN.c.id.desc()).limit(1)
JOIN = CHAIN.insert()


def record(
    session: Session,
    *,
    actor: Actor,
    what: str,
    clinic_id: int | None,
    subject: str,
    facts: dict[str, Any] | None = None,
    now: pendulum.DateTime,
) -> None:
    """Note what happened, to join the chain when this transaction commits; facts hold no patient data."""
    entry = {
        "at": now,
        "actor": f"{actor.kind}:{actor.name}"[:80],
        "what": what,
        "clinic_id": clinic_id,
        "subject": subject,
        "facts": facts or {},
    }
    session.info.setdefault("audit", []).append(entry)
    before_commit(session, _join_the_chain)


def _join_the_chain(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": CHAIN_LOCK})
    last = session.execute(LAST).first()
    number, previous = (last.id, last.hash) if last else (0, GENESIS)
    key = settings().keys("audit")[0]
    rows = []
    for entry in session.info.pop("audit", ()):
        number += 1
        previous = seal(previous, number, entry, key)
        rows.append({**entry, "id": number, "key_id": key_id(key), "hash": previous})
    if rows:
        session.execute(JOIN, rows)
