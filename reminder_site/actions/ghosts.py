"""Texts of the gap that Twilio would still send and nothing here knows: withdrawn only when somebody says so.

They may be what this database had planned before it went back in time, or those of another site that is alive.
"""

from collections.abc import Collection, Mapping
from typing import Literal

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import audit
from reminder_site.actions.gap import opens_at
from reminder_site.actions.outbox import wake_after
from reminder_site.config import settings
from reminder_site.db import db, retried, transaction
from reminder_site.domain.actor import WORKER, Actor
from reminder_site.domain.codes import NOT_CANCELABLE, NOT_FOUND
from reminder_site.domain.refusals import NotHere
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import Attempt, Clinic, Heartbeat, Message
from reminder_site.queries import trial_texts

GONE = {NOT_CANCELABLE, NOT_FOUND}
RIVAL_MINUTES = 5  # after a hold began; by then nothing of the worker from before it can come in any more
RIVAL = "another site texts from this account and its Messaging Service: stop one of the two, or restore to rehearse"
Answer = Literal["withdraw", "keep"]


def strangers(session: Session, listed: Mapping[str, Remote]) -> list[Remote]:
    """Return the texts sent through the API that no message here owns."""
    sent = {sid: remote for sid, remote in listed.items() if remote.direction == "outbound-api"}
    sids, ours = list(sent), set()
    for first in range(0, len(sids), 500):
        some = sids[first : first + 500]
        for column in (Message.sid, Attempt.sid):
            ours |= set(session.scalars(select(column).where(column.in_(some))))
    ours |= trial_texts.among(sids)
    return [remote for sid, remote in sent.items() if sid not in ours]


def waiting(*, sms: Sms) -> list[Remote]:
    """Return the texts of the gap, from our senders, that would still be sent and that nothing here knows.

    Raises NotHere without a hold, SmsError when Twilio cannot be asked.
    """
    since = opens_at()
    if since is None:
        raise NotHere("Sending is not on hold.")
    listed = {remote.sid: remote for remote in sms.list_since(since)}
    return [remote for remote in _from_our_senders(listed, since) if remote.status == "scheduled"]


def are_settled(listed: Mapping[str, Remote], since: pendulum.DateTime, sms: Sms, now: pendulum.DateTime) -> bool:
    """Say whether nothing of the gap is left to be decided or withdrawn; what somebody has decided is done.

    Nothing is withdrawn while another site is alive, whatever was said: those texts may be its own.
    """
    began, answer = db.session.execute(select(Heartbeat.hold_since, Heartbeat.hold_answer)).one()
    db.session.rollback()
    of_the_gap = _from_our_senders(listed, since)
    open_still = [remote.sid for remote in of_the_gap if remote.status == "scheduled"]
    if any(began and remote.created_at > began.add(minutes=RIVAL_MINUTES) for remote in of_the_gap):
        _ask(RIVAL)
    elif not open_still or answer == "keep":
        return True
    elif answer == "withdraw":
        return _withdraw(open_still, sms, now)
    else:
        texts = "1 text" if len(open_still) == 1 else f"{len(open_still)} texts"
        _ask(f"Twilio would still send {texts} that this database does not know: decide by flask --app wsgi hold")
    return False


@retried
def decide(*, answer: Answer, by: Actor, now: pendulum.DateTime) -> None:
    """Say what becomes of the texts nothing here knows; the hold goes on from there. Raises NotHere without a hold."""
    with transaction() as session:
        held = update(Heartbeat).where(Heartbeat.id == 1, Heartbeat.hold_since.is_not(None))
        decided = session.execute(held.values(hold_answer=answer, hold_asks="").returning(Heartbeat.id))
        if decided.first() is None:
            raise NotHere("Sending is not on hold.")
        facts = {"answer": answer}
        audit.record(session, actor=by, what="hold.decided", clinic_id=None, subject="sending", facts=facts, now=now)
        wake_after(session)


def _from_our_senders(listed: Mapping[str, Remote], since: pendulum.DateTime) -> list[Remote]:
    session = db.session()
    services = {settings().twilio_messaging_service_sid, *session.scalars(select(Clinic.sender))} - {""}
    ours = [r for r in strangers(session, listed) if r.messaging_service_sid in services and r.created_at >= since]
    session.rollback()
    return ours


@retried
def _ask(words: str) -> None:
    with transaction() as session:
        session.execute(update(Heartbeat).where(Heartbeat.id == 1).values(hold_asks=words))


def _withdraw(sids: Collection[str], sms: Sms, now: pendulum.DateTime) -> bool:
    """Cancel texts at Twilio; False when one could not be asked back yet."""
    failed = False
    for sid in sids:
        try:
            sms.cancel(sid)
        except SmsError as error:
            failed = failed or error.code not in GONE
        else:
            _note_withdrawn(sid, now)
    return not failed


@retried
def _note_withdrawn(sid: str, now: pendulum.DateTime) -> None:
    with transaction() as session:
        audit.record(session, actor=WORKER, what="hold.withdrew", clinic_id=None, subject=sid, now=now)
