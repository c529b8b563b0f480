"""How trial texts stand here, and which texts at Twilio are some."""

from collections.abc import Collection

from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import ProviderEvent, TrialText


def kept(trial_id: int) -> tuple[TrialText, tuple[str, ...]]:
    """Return a trial text and the statuses that receipts have brought for it, in their order."""
    row = db.session.get_one(TrialText, trial_id, populate_existing=True)
    came = select(ProviderEvent.status).where(ProviderEvent.sid == row.sid).order_by(ProviderEvent.id)
    return row, tuple(db.session.scalars(came)) if row.sid else ()


def latest(kind: str) -> TrialText | None:
    """Return the last trial text of a kind that Twilio took, if there was one."""
    taken = select(TrialText).where(TrialText.kind == kind, TrialText.sid.is_not(None))
    return db.session.scalar(taken.order_by(TrialText.id.desc()).limit(1))


def among(sids: Collection[str]) -> set[str]:
    """Return those of some texts at Twilio that are trial texts: no ledger knows them, and none has to."""
    found: set[str] = set()
    listed = list(sids)
    for first in range(0, len(listed), 500):
        some = select(TrialText.sid).where(TrialText.sid.in_(listed[first : first + 500]))
        found |= {str(sid) for sid in db.session.scalars(some)}
    return found
