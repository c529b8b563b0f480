"""A form sent twice does its work once. `take` runs inside its caller's transaction; knows no form."""

import pendulum
from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.db import db, retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import FormNonce

KEPT_HOURS = 24
AN_OLD_ONE = select(FormNonce.id).where(FormNonce.taken_at < bindparam("before")).limit(1)  # asked at every heartbeat


def take(session: Session, *, nonce: str, made: str, by: Actor, now: pendulum.DateTime) -> str | None:
    """Note that a form is being taken, which will make `made`; return what it made before if it was taken already.

    Of two at once the second waits for the first. Without a nonce, or for an actor who has no forms, nothing is noted.
    """
    if not nonce or by.staff_id is None:
        return None
    try:
        with session.begin_nested():
            session.add(FormNonce(staff_id=by.staff_id, nonce=nonce, made=made, taken_at=now))
    except IntegrityError:
        mine = FormNonce.staff_id == by.staff_id, FormNonce.nonce == nonce
        return session.scalar(select(FormNonce.made).where(*mine))
    return None


@retried
def forget(*, now: pendulum.DateTime) -> None:
    """Drop what was taken more than a day ago: nobody sends a form again after that."""
    before = now.subtract(hours=KEPT_HOURS)
    if db.session.scalar(AN_OLD_ONE, {"before": before}) is None:
        return
    with transaction() as session:
        session.execute(delete(FormNonce).where(FormNonce.taken_at < before))
