"""Keeps counts of what is settled, so that nobody has to count all rows; no text waits for it."""

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.db import db, retried, transaction
from reminder_site.domain.tallies import Counts
from reminder_site.models import Tally
from reminder_site.queries import tallies as found

ROUNDS = 4  # of one source in one go: what a site had before it counted is caught up on by and by


def carry_on(*, now: pendulum.DateTime) -> int:
    """Count what is settled since the last time; return how many rows that were. Several workers may do it at once."""
    before, rows = now.subtract(seconds=found.SETTLED_SECONDS), 0
    marks = found.kept()
    for source in found.sources():
        after = int(marks[found.MARK, source.name])
        for _ in range(ROUNDS):
            new = found.fresh(source, after, before=before)
            db.session.rollback()
            if new.up_to == after or not _keep(source.name, after, new):
                break
            rows, after = rows + new.up_to - after, new.up_to
            if new.is_all:
                break
    return rows


def add(session: Session, counts: Counts) -> None:
    """Add to what is kept, in the order of the keys: two who add at once never wait for each other in a circle."""
    for (name, label), amount in sorted(counts.items()):
        this = Tally.name == name, Tally.label == label
        raised = session.execute(update(Tally).where(*this).values(amount=Tally.amount + amount))
        if not raised.rowcount:  # type: ignore[attr-defined]
            session.add(Tally(name=name, label=label, amount=amount))
            session.flush()


@retried
def _keep(name: str, after: int, new: found.Found) -> bool:
    """Keep counts together with how far they reach; False when somebody else has counted these rows."""
    with transaction() as session:
        mark = Tally.name == found.MARK, Tally.label == name
        if session.scalar(select(Tally.amount).where(*mark)) is None:
            session.add(Tally(name=found.MARK, label=name, amount=0.0))
            session.flush()
        moved = session.execute(update(Tally).where(*mark, Tally.amount == after).values(amount=new.up_to))
        if not moved.rowcount:  # type: ignore[attr-defined]
            return False
        add(session, new.counts)
    return True
