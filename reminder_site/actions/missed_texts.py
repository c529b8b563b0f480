"""Twilio's list of what patients texted: what no webhook brought is taken in once, in Twilio's order.

A webhook is lost when the site is down, refuses its signature or is restored; the list is not.
"""

import logging

import pendulum
from sqlalchemy import select, update

from reminder_site.actions import answers, throttling
from reminder_site.actions.own_senders import OwnSenders
from reminder_site.db import db, retried, transaction
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Heartbeat, InboundMessage
from reminder_site.queries.throttle import throttle

log = logging.getLogger("reminder_site.missed_texts")
# A webhook has its time first, with Twilio's second try. Both and a beat of 15 s make less than two minutes.
YOUNG_SECONDS, EVERY_SECONDS = 60, 40
OVERLAP_MINUTES = 30  # a text may stand in the list only later
DAYS_BEFORE_THE_SITE = 7
TRIED_FOR_MINUTES = 60


def is_due(*, tried_at: pendulum.DateTime | None, now: pendulum.DateTime) -> bool:
    """Say whether it is time to read the list, last tried here at `tried_at` (UTC); not while Twilio is silent."""
    read_to = db.session.scalar(select(Heartbeat.inbound_read_to).where(Heartbeat.id == 1))
    silent = throttle().down_since is not None
    db.session.rollback()
    if silent or (tried_at is not None and abs((now - tried_at).total_seconds()) < EVERY_SECONDS):
        return False
    return read_to is None or read_to <= now.subtract(seconds=EVERY_SECONDS + YOUNG_SECONDS)


def look(*, sms: Sms, now: pendulum.DateTime) -> int:
    """Read the list as `read` does; while Twilio cannot be asked, nothing is passed over and the next look reads it."""
    try:
        return read(sms=sms, now=now)
    except SmsError as error:
        throttling.heed(error, now=now)
        log.warning("Twilio's list of what patients texted could not be read: %s", error)
        return 0


def read(*, sms: Sms, now: pendulum.DateTime) -> int:
    """Take in what the list shows and is not known here; return how many texts that were. Raises SmsError.

    Only what was sent to our own senders counts, and of texts from before the site began only opt-outs do. A text that
    cannot be taken in keeps no other waiting; it is tried for an hour, and then a person gets it as it is.
    """
    began, since = _since(now)
    until = now.subtract(seconds=YOUNG_SECONDS)
    ours, new = OwnSenders(sms), [remote for remote in _unknown(sms.list_inbound(since)) if remote.created_at <= until]
    found, read_to = 0, until
    for remote, sender in [(remote, ours.of(remote)) for remote in new]:
        if not sender or (remote.created_at < began and not answers.is_opt_out(remote=remote, sender=sender)):
            continue
        try:
            found += _take_in(remote, sender, now)
        except Exception:
            db.session.rollback()
            log.exception("a text that Twilio took could not be taken in: %s", remote.sid)
            read_to = min(read_to, remote.created_at)
    _note(began, read_to)
    return found


def _take_in(remote: Remote, sender: str, now: pendulum.DateTime) -> bool:
    try:
        return answers.find(remote=remote, sender=sender, now=now)
    except Exception:
        if remote.created_at > now.subtract(minutes=TRIED_FOR_MINUTES):
            raise
        db.session.rollback()
        log.exception("a text that Twilio took is left to a person: %s", remote.sid)
        answers.put_aside(remote=remote, sender=sender, now=now)
        return True


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
