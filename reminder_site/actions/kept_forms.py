"""Forms that were sent but not saved, kept for an hour for whoever sent them. Knows no session and no page."""

from collections.abc import Sequence

import pendulum
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from reminder_site.db import OnlyLooking, db, only_looking, retried, transaction
from reminder_site.models import Clinic, KeptForm, Staff, StaffClinic
from reminder_site.models.columns import new_public_id

__all__ = ["OnlyLooking", "forget", "keep", "offer", "only_looking"]

KEPT_MINUTES = 60
MOST_EACH = 5  # of one person; the oldest gives way
AN_OLD_ONE = select(KeptForm.id).where(KeptForm.kept_at < bindparam("before")).limit(1)  # asked at every heartbeat


@retried
def keep(
    *, staff: str, clinic: str, path: str, fields: Sequence[tuple[str, str]], now: pendulum.DateTime
) -> str | None:
    """Keep what somebody typed at a clinic (both by public id) and return its public id.

    None when there is no such account or clinic, or they do not belong together. `now` is the machine's own time.
    """
    with transaction() as session:
        works_there = (
            select(Staff.id, Clinic.id)
            .join(StaffClinic, StaffClinic.staff_id == Staff.id)
            .join(Clinic, Clinic.id == StaffClinic.clinic_id)
            .where(Staff.public_id == staff, Clinic.public_id == clinic)
        )
        found = session.execute(works_there).one_or_none()
        if found is None:
            return None
        _make_room(session, found[0])
        made = new_public_id()
        kept = [[name, value] for name, value in fields]
        session.add(
            KeptForm(public_id=made, staff_id=found[0], clinic_id=found[1], path=path, fields=kept, kept_at=now)
        )
        return made


@retried
def offer(*, staff_id: int, now: pendulum.DateTime) -> tuple[str, str] | None:
    """Return the latest form kept for somebody that was not offered yet, once, with its clinic: both public ids."""
    with transaction() as session:
        waiting = (
            select(KeptForm.id, KeptForm.public_id, Clinic.public_id)
            .join(Clinic, Clinic.id == KeptForm.clinic_id)
            .where(KeptForm.staff_id == staff_id, KeptForm.offered_at.is_(None))
            .where(KeptForm.kept_at > now.subtract(minutes=KEPT_MINUTES))
            .order_by(KeptForm.id.desc())
            .limit(1)
        )
        found = session.execute(waiting).one_or_none()
        if found is None:
            return None
        session.execute(update(KeptForm).where(KeptForm.id == found[0]).values(offered_at=now))
        return found[1], found[2]


@retried
def forget(*, now: pendulum.DateTime) -> None:
    """Drop what was kept for more than an hour."""
    before = now.subtract(minutes=KEPT_MINUTES)
    if db.session.scalar(AN_OLD_ONE, {"before": before}) is None:
        return
    with transaction() as session:
        session.execute(delete(KeptForm).where(KeptForm.kept_at < before))


def _make_room(session: Session, staff_id: int) -> None:
    newest = select(KeptForm.id).where(KeptForm.staff_id == staff_id).order_by(KeptForm.id.desc())
    older = session.scalars(newest.offset(MOST_EACH - 1)).all()
    if older:
        session.execute(delete(KeptForm).where(KeptForm.id.in_(older)))
