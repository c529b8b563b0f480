"""What Twilio is asked to forget: noted together with what is forgotten here, asked for afterwards by the worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pendulum
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.gateways.sms import Sms, SmsError
from reminder_site.models import TwilioErasure

BATCH: Final = 20  # with each heartbeat
UNKNOWN_THERE: Final = 20404
TRY_AGAIN_HOURS: Final = (1, 6, 24)  # and then each day


@dataclass(frozen=True)
class Asked:
    """How many texts Twilio forgot just now, and how many are tried again."""

    forgotten: int = 0
    left: int = 0


def forget_at_twilio(session: Session, sids: Sequence[str | None], *, whole: bool, now: pendulum.DateTime) -> None:
    """Note, inside the caller's transaction, that Twilio is to forget some texts: all of them, or their words alone.

    TWILIO_FORGETS says whether it is asked at all. Only what Twilio knows has a SID of its kind.
    """
    wanted = {"never": (), "erased": (True,), "all": (True, False)}[settings().twilio_forgets]
    mine = {sid for sid in sids if sid and sid[:2] in {"SM", "MM"}} if whole in wanted else set()
    there = set(session.scalars(select(TwilioErasure.sid).where(TwilioErasure.sid.in_(mine)))) if mine else set()
    session.add_all(TwilioErasure(sid=sid, whole=whole, due_at=now) for sid in sorted(mine - there))
    if whole and there:
        session.execute(update(TwilioErasure).where(TwilioErasure.sid.in_(there)).values(whole=True))
    session.flush()


def carry_on(*, sms: Sms, now: pendulum.DateTime) -> Asked:
    """Ask Twilio to forget some of what is due; what it refuses for now is asked again, ever more rarely."""
    due = select(TwilioErasure.sid, TwilioErasure.whole, TwilioErasure.tries).where(TwilioErasure.due_at <= now)
    found = db.session.execute(due.order_by(TwilioErasure.due_at, TwilioErasure.sid).limit(BATCH)).all()
    db.session.rollback()
    left = [(sid, tries) for sid, whole, tries in found if not _forgotten(sms, sid, whole)]
    if found:
        _note({sid for sid, _, _ in found} - {sid for sid, _ in left}, left, now)
    return Asked(len(found) - len(left), len(left))


def _forgotten(sms: Sms, sid: str, whole: bool) -> bool:
    try:
        if whole:
            sms.delete(sid)
        else:
            sms.redact(sid)
    except SmsError as error:
        return error.code == UNKNOWN_THERE
    return True


@retried
def _note(done: set[str], left: list[tuple[str, int]], now: pendulum.DateTime) -> None:
    with transaction() as session:
        session.execute(delete(TwilioErasure).where(TwilioErasure.sid.in_(done)))
        for sid, tries in left:
            again = now.add(hours=TRY_AGAIN_HOURS[min(tries, len(TRY_AGAIN_HOURS) - 1)])
            mine = TwilioErasure.sid == sid
            session.execute(update(TwilioErasure).where(mine).values(tries=tries + 1, due_at=again))
