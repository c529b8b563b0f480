"""Whether an answer is about what stands: by what its phone was told, and when. Shared steps, inside a transaction."""

from collections.abc import Sequence
from datetime import date, datetime

import pendulum
from sqlalchemy.orm import Session

from reminder_site.actions.appointment_rows import clinician_of
from reminder_site.domain.spoken import day_and_clock
from reminder_site.domain.times import to_local
from reminder_site.domain.told import asks, facts_now, still_true
from reminder_site.models import Appointment, InboundMessage
from reminder_site.queries import threads
from reminder_site.queries.plans import ground, values
from reminder_site.queries.threads import Telling, apart

CROSSING_MINUTES = 15


def otherwise(
    session: Session,
    appointment: Appointment,
    tellings: Sequence[Telling],
    *,
    written_at: pendulum.DateTime,
    now: pendulum.DateTime,
) -> str:
    """Say why an answer written at a moment does not count for an appointment as it stands; empty when it does.

    It counts for what its phone was told and for nothing else: people phone to move, and then tidy up their texts.
    """
    today = to_local(now, appointment.time_zone).date()
    stands = day_and_clock(appointment.starts_local, today)
    if not tellings:
        return f"this phone was never told of the appointment on {stands}: nothing was changed"
    if all(told.lost for told in tellings):
        return f"no text about the appointment on {stands} came: nothing was changed"
    if crossed := _crossed(tellings, written_at, today):
        return f"was told {crossed}: nothing was changed"
    telling = tellings[-1]
    if telling.facts is None:
        untold = telling.round is not None and telling.round != appointment.round
        return f"was told another time; it is now {stands}: nothing was changed" if untold else ""
    if (told_at := _starts(telling)) and told_at != appointment.starts_local.isoformat():
        return f"was told {_words(telling, today)}; it is now {stands}: nothing was changed"
    if not _asked(tellings):
        return f"nothing was asked about the appointment on {stands}: nothing was changed"
    if not _is_true(session, appointment, tellings, today):
        return f"was told another place or clinician for {stands}"
    return ""


def may_know(appointment: Appointment, tellings: Sequence[Telling], now: pendulum.DateTime) -> bool:
    """Say whether the patient is to know how things stand: not of what was never told, nor while it may be undone."""
    undoes = appointment.undo_until is not None and now <= appointment.undo_until
    return bool(tellings) and appointment.state == "booked" and not undoes


def overtaken(row: InboundMessage, appointment: Appointment, written_at: pendulum.DateTime | None) -> str:
    """Say that an answer was overtaken by what was said or done after it; empty when it was not.

    Twilio tells whole seconds.
    """
    answered_at = appointment.answered_at
    late = answered_at is not None and written_at is not None and written_at < answered_at.replace(microsecond=0)
    late = late or (row.found_at is not None and threads.was_taken_back_since(appointment, row.received_at))
    return "it came late, and what was said after it stands" if late else ""


def _asked(tellings: Sequence[Telling]) -> bool:
    """Say whether a question is open: one of the last tellings, which all tell the same, asked."""
    last = tellings[-1]
    for told in reversed(tellings):
        if told.calls_off or _starts(told) != _starts(last):
            return False
        if asks(told.facts):
            return True
    return False


def _crossed(tellings: Sequence[Telling], written_at: pendulum.DateTime, today: date) -> str:
    """Return in words the two tellings of which nobody knows which one an answer is to; empty when one is plain."""
    recent = [told for told in tellings if told.at > written_at.subtract(minutes=CROSSING_MINUTES)]
    if len({_starts(told) for told in recent}) > 1:
        return " and then ".join(_words(told, today) for told in recent[-2:]) + " within a quarter of an hour"
    if doubtful := _may_not_have_come(tellings):
        before, after = (_words(told, today) for told in doubtful)
        return f"{before}, and the text with {after} may not have come"
    return ""


def _may_not_have_come(tellings: Sequence[Telling]) -> tuple[Telling, Telling] | None:
    """Return what a phone was told last for certain, or first, and what one that may not have come told otherwise."""
    last = max((place for place, told in enumerate(tellings) if not told.doubtful), default=0)
    certain, since = tellings[last], tellings[last + 1 :]
    return next(((certain, told) for told in since if apart(certain, told)), None)


def _starts(telling: Telling) -> str:
    return str((telling.facts or {}).get("starts", ""))


def _words(telling: Telling, today: date) -> str:
    at = _starts(telling)
    return day_and_clock(datetime.fromisoformat(at), today) if at else "another time"


def _is_true(session: Session, appointment: Appointment, tellings: Sequence[Telling], today: date) -> bool:
    """Say whether what a phone was told last of the time, of the place and of the clinician is so now."""
    told: dict[str, str] = {}
    for one in tellings:
        told |= one.facts or {}
    base = ground(session, appointment.clinic_id)
    fields = values(base.clinic, "", appointment.starts_local, clinician_of(session, appointment), read_on=today)
    now = facts_now(fields, appointment.starts_local) | {"phone": told.get("phone", "")}
    return still_true(told, now)
