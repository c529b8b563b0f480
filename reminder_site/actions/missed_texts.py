"""Twilio's list of what patients texted: what no webhook brought is taken in once, in Twilio's order.

A webhook is lost when the site is down, refuses its signature or is restored; the list is not.
"""

import logging

import pendulum
from sqlalchemy import select, update

from reminder_site.actions import answers
from reminder_site.db import db, retried, transaction
from reminder_site.domain.answers import understand
from reminder_site.gateways.sms import Remote, Sms
from reminder_site.models import Heartbeat, InboundMessage

log = logging.getLogger("reminder_site.missed_texts")
EVERY_SECONDS = 60
# A webhook has its time first, with Twilio's second try; and a text may stand in the list only later.
YOUNG_SECONDS, OVERLAP_MINUTES = 60, 30
DAYS_BEFORE_THE_SITE = 7
OPT_OUTS = frozenset({"stop", "stop_and_maybe_cancel", "wrong_number"})


def is_due(*, now: pendulum.DateTime) -> bool:
    """Say whether it is time to read the list."""
    read_to = db.session.scalar(select(Heartbeat.inbound_read_to).where(Heartbeat.id == 1))
    db.session.rollback()
    return read_to is None or read_to <= now.subtract(seconds=EVERY_SECONDS + YOUNG_SECONDS)


def read(*, sms: Sms, now: pendulum.DateTime) -> int:
    """Take in what the list shows and is not known here; return how many texts that were. Raises SmsError.

    Of texts from before the site began only opt-outs count. A text that cannot be taken in keeps no other waiting, and
    is tried again.
    """
    began, since = _since(now)
    until = now.subtract(seconds=YOUNG_SECONDS)
    new = [remote for remote in _unknown(sms.list_inbound(since)) if remote.created_at <= until]
    found, stuck = 0, until
    for remote in new:
        if remote.created_at < began and understand(remote.body).kind not in OPT_OUTS:
            continue
        try:
            found += answers.find(remote=remote, now=now)
        except Exception:
            db.session.rollback()
            log.exception("a text that Twilio took could not be taken in: %s", remote.sid)
            stuck = min(stuck, remote.created_at)
    _note(began, stuck)
    return found


def _since(now: pendulum.DateTime) -> tuple[pendulum.DateTime, pendulum.DateTime]:
    """Return when the site began, and since when the list is to be read."""
    kept = db.session.execute(
        select(Heartbeat.inbound_from, Heartbeat.inbound_read_to).where(Heartbeat.id == 1)
    ).first()
    db.session.rollback()
    began: pendulum.DateTime = (kept and kept.inbound_from) or now.start_of("second")
    if kept is None or kept.inbound_read_to is None:
        return began, now.subtract(days=DAYS_BEFORE_THE_SITE)
    return began, kept.inbound_read_to.subtract(minutes=OVERLAP_MINUTES)


def _unknown(listed: list[Remote]) -> list[Remote]:
    sids = [remote.sid for remote in listed]
    known: set[str] = set()
    for first in range(0, len(sids), 500):
        some = select(InboundMessage.sid).where(InboundMessage.sid.in_(sids[first : first + 500]))
        known |= set(db.session.scalars(some))
    db.session.rollback()
    return [remote for remote in listed if remote.sid not in known]


@retried
def _note(began: pendulum.DateTime, read_to: pendulum.DateTime) -> None:
    with transaction() as session:
        read = {"inbound_from": began, "inbound_read_to": read_to}
        session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(**read))
