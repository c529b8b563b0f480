"""Texts patients send, by webhook or found in Twilio's list: each is kept once, threaded and understood."""

from dataclasses import dataclass

import pendulum
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from reminder_site.actions import erasing, outbox, trial_texts
from reminder_site.actions.inbox import ACKNOWLEDGED_WITHIN_MINUTES
from reminder_site.actions.text_deeds import LONGEST_BODY, Arrived, act
from reminder_site.db import db, retried, transaction
from reminder_site.domain.actor import WORKER
from reminder_site.domain.answers import ENDS_TEXTS, WORDS, Answer, Kind, understand
from reminder_site.domain.phones import number_in
from reminder_site.domain.text_safety import strip_controls
from reminder_site.gateways.sms import Remote, Sms, SmsError
from reminder_site.models import InboundMessage
from reminder_site.queries import inbox, senders, threads

REPLY_USEFUL_MINUTES = 60
ASK_SECONDS = 4.0  # Twilio waits 15 s for our answer
BY_TWILIO = frozenset({"STOP", "START", "HELP"})


@dataclass(frozen=True)
class _Text:
    """A text as it came; `found`: by Twilio's list, and not by a webhook."""

    sid: str
    phone: str
    to: str
    body: str
    media_count: int
    sender: str
    opt_out_type: str = ""
    found: bool = False


def receive(
    *,
    sid: str,
    from_e164: str,
    to: str,
    body: str,
    media_count: int,
    service: str = "",
    opt_out_type: str = "",
    written_at: pendulum.DateTime | None = None,
    sms: Sms | None = None,
    now: pendulum.DateTime,
) -> str | None:
    """Take one text in and return the reply to it, or None for silence; the same `sid` again returns the same reply.

    `service` is the Messaging Service it came through, if any; `opt_out_type` is how Twilio took it (STOP, START, HELP;
    Advanced Opt-Out page), which outranks our own reading. Webhooks carry no time: only a phone that was told
    something different lately has Twilio asked (`sms`) when the text was written, unless that is known (UTC).
    """
    earlier = inbox.reply_given(sid)
    if earlier is not None:
        return earlier or None
    phone, sender = number_in(from_e164)[:24], threads.sender_of_text(service, number_in(to))
    told_apart = threads.told_apart_lately(phone, sender, now=now)
    db.session.rollback()
    if written_at is None:
        written_at = _asked(sms, sid) if told_apart else now
    taken_as = opt_out_type if opt_out_type in BY_TWILIO else ""
    text = _Text(sid, phone, to[:24], strip_controls(body)[:LONGEST_BODY], media_count, sender, taken_as)
    return _take_in(text, written_at, now) or None


def _said(body: str, opt_out_type: str) -> Answer:
    """Understand a text, as Twilio took it if it took it for an opt-out word."""
    own = understand(body)
    if opt_out_type == "STOP":
        kind: Kind = "stop_and_maybe_cancel" if own.kind in {"cannot_come", "stop_and_maybe_cancel"} else "stop"
        return Answer(kind, WORDS[kind])
    if opt_out_type == "START":
        return (
            Answer("confirm", WORDS["confirm"], also_opt_in=True)
            if own.also_opt_in
            else Answer("start", WORDS["start"])
        )
    return Answer("help", WORDS["help"]) if opt_out_type == "HELP" else own


def _asked(sms: Sms | None, sid: str) -> pendulum.DateTime | None:
    """Ask Twilio when a text was written (UTC); None when it cannot say."""
    try:
        found = sms.fetch(sid, within_seconds=ASK_SECONDS) if sms else None
    except SmsError:
        return None
    return found.created_at if found else None


def is_opt_out(*, remote: Remote, sender: str) -> bool:
    """Say whether a listed text to one of our senders ends texts, in its own words or as Twilio took them before."""
    said = _said(remote.body, senders.taken_as(remote.body, sender))
    db.session.rollback()
    return said.kind in ENDS_TEXTS


def find(*, remote: Remote, sender: str, now: pendulum.DateTime) -> bool:
    """Take in, as of its own time, a text that Twilio's list shows and no webhook brought; False when it is known.

    `sender` is whom it was sent to. The list does not say how Twilio took it: words that it took before count as then.
    The reply, which no webhook can give any more, is texted while the patient may still wait for it.
    """
    known = inbox.reply_given(remote.sid) is not None
    taken_as = "" if known else senders.taken_as(remote.body, sender)
    db.session.rollback()
    if not known:
        _take_in(_listed(remote, sender, taken_as), remote.created_at, now)
    return not known


@retried
def put_aside(*, remote: Remote, sender: str, now: pendulum.DateTime) -> None:
    """Keep a listed text that cannot be taken in for a person to read: it changes nothing by itself."""
    with transaction() as session:
        row = _store(session, _listed(remote, sender, ""), remote.created_at, now)
        row.clinic_id = threads.only_clinic(sender)
        row.effect, row.needs_person = "the site could not take this in: nothing was changed", True
        erasing.forget_found(session, row, now)


def _listed(remote: Remote, sender: str, taken_as: str) -> _Text:
    phone, body = number_in(remote.sender)[:24], strip_controls(remote.body)[:LONGEST_BODY]
    return _Text(remote.sid, phone, remote.to[:24], body, remote.media_count, sender, taken_as, found=True)


@retried
def _take_in(text: _Text, written_at: pendulum.DateTime | None, now: pendulum.DateTime) -> str:
    said = _said(text.body, text.opt_out_type)
    try:
        with transaction() as session:
            row = _store(session, text, (written_at or now) if text.found else now, now)
            if trial_texts.take(session, row):
                return ""
            thread = threads.find(text.phone, text.sender, now=now, written_at=written_at)
            arrived = Arrived(row, said, thread, text.sender, written_at, bool(text.opt_out_type), now)
            row.clinic_id, row.patient_id, row.appointment_id = (
                thread.clinic_id,
                thread.patient_id,
                thread.appointment_id,
            )
            row.understood = said.kind
            row.reply = act(session, arrived)
            if text.found and not erasing.forget_found(session, row, now):
                _reply_late(session, arrived)
            return row.reply
    except IntegrityError:
        earlier = inbox.reply_given(text.sid)
        if earlier is None:
            raise
        return earlier


def _store(session: Session, text: _Text, received_at: pendulum.DateTime, now: pendulum.DateTime) -> InboundMessage:
    """Keep the text first: of two copies at once the second fails here, before anything has been done."""
    row = InboundMessage(
        sid=text.sid,
        from_e164=text.phone,
        to=text.to,
        sender=text.sender,
        body=text.body,
        media_count=text.media_count,
        understood="other",
        opt_out_type=text.opt_out_type,
        received_at=received_at,
        found_at=now if text.found else None,
    )
    session.add(row)
    session.flush()
    return row


def _reply_late(session: Session, arrived: Arrived) -> None:
    """Text the reply to a text that was found late; one that is no news any more is left out."""
    row, now = arrived.row, arrived.now
    told = row.told if row.told and "each" not in row.told else None
    acknowledges = arrived.said.kind in ENDS_TEXTS
    useful_until = row.received_at.add(minutes=ACKNOWLEDGED_WITHIN_MINUTES if acknowledges else REPLY_USEFUL_MINUTES)
    if row.reply and now < useful_until and row.clinic_id is not None:
        outbox.add_message(
            session,
            by=WORKER,
            now=now,
            clinic_id=row.clinic_id,
            patient_id=row.patient_id,
            appointment_id=row.appointment_id if told else None,
            kind="stopped" if acknowledges else "reply",
            dedupe_key=f"reply:{row.sid}",
            to_e164=row.from_e164,
            sender=arrived.sender,
            body=row.reply,
            told=told,
            send_at=now,
            useful_until=useful_until,
        )
    else:
        row.told = row.offered = None
    row.reply, row.told = "", None if told else row.told
