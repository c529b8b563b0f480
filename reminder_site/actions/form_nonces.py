"""A form sent twice does its work once, and says so when it says something else. Knows no form.

`take` runs inside its caller's transaction.
"""

import hashlib
import hmac
import json
from typing import Any

import pendulum
from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import SavedSomethingElse
from reminder_site.models import FormNonce

KEPT_HOURS = 24
AN_OLD_ONE = select(FormNonce.id).where(FormNonce.taken_at < bindparam("before")).limit(1)  # asked at every heartbeat


def take(
    session: Session, *, nonce: str, says: dict[str, Any], made: str, by: Actor, now: pendulum.DateTime
) -> str | None:
    """Note that a form is being taken, which will make `made`; return what it made before if it was taken already.

    Of two at once the second waits for the first. Without a nonce, or for an actor who has no forms, nothing is noted.
    Raises SavedSomethingElse when the form was taken before and `says` something else now.
    """
    if not nonce or by.staff_id is None:
        return None
    said = _hashes(says)[0]
    try:
        with session.begin_nested():
            session.add(FormNonce(staff_id=by.staff_id, nonce=nonce, made=made, content_hash=said, taken_at=now))
    except IntegrityError:
        mine = FormNonce.staff_id == by.staff_id, FormNonce.nonce == nonce
        before = session.execute(select(FormNonce.made, FormNonce.content_hash).where(*mine)).one()
        if before.content_hash not in {*_hashes(says), ""}:
            raise SavedSomethingElse(before.made) from None
        return str(before.made)
    return None


@retried
def forget(*, now: pendulum.DateTime) -> None:
    """Drop what was taken more than a day ago: nobody sends a form again after that."""
    before = now.subtract(hours=KEPT_HOURS)
    if db.session.scalar(AN_OLD_ONE, {"before": before}) is None:
        return
    with transaction() as session:
        session.execute(delete(FormNonce).where(FormNonce.taken_at < before))


def _hashes(says: dict[str, Any]) -> list[str]:
    """Return the hash of what a form says by each key, the present one first: plain ones could be guessed."""
    plain = json.dumps(says, sort_keys=True, default=str).encode(errors="surrogatepass")
    return [hmac.new(key, plain, hashlib.sha256).hexdigest() for key in settings().keys("form")]
