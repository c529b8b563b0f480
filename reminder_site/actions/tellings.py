"""Whether an answer is about what stands: by what its phone was told, and when. Shared steps, inside a transaction."""

from collections.abc import Sequence
from datetime import date, datetime

import pendulum
from sqlalchemy.orm import Session

from reminder_site.domain.spoken import day_and_clock
from reminder_site.domain.times import to_local
from reminder_site.domain.told import asks, facts_now, still_true
from reminder_site.models import Appointment, Clinician, InboundMessage
from reminder_site.queries import threads
from reminder_site.queries.plans import ground, values
from reminder_site.queries.threads import Telling

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
    recent = [told for told in tellings if told.at > written_at.subtract(minutes=CROSSING_MINUTES)]
    if len({_starts(told) for told in recent}) > 1:
        both = " and then ".join(_words(told, today) for told in recent[-2:])
        return f"was told {both} within a quarter of an hour: nothing was changed"
    telling = tellings[-1]
    if telling.facts is None:
        untold = telling.round is not None and telling.round != appointment.round
        return f"was told another time; it is now {stands}: nothing was changed" if untold else ""
    if (told_at := _starts(telling)) and told_at != appointment.starts_local.isoformat():
        return f"was told {_words(telling, today)}; it is now {stands}: nothing was changed"
    if not _asked(tellings):
        return f"nothing was asked about the appointment on {stands}: nothing was changed"
    return "" if _is_true(session, appointment, telling, today) else f"was told another place or clinician for {stands}"


def overtaken(row: InboundMessage, appointment: Appointment) -> str:
    """Say that an answer that was found late was overtaken by what was said after it; empty when it was not."""
    late = row.found_at is not None and threads.was_taken_back_since(appointment, row.received_at)
    return "it was found late, and what was said after it stands" if late else ""


def may_know(appointment: Appointment, tellings: Sequence[Telling], now: pendulum.DateTime) -> bool:
    """Say whether the patient is to know how things stand: not of what was never told, nor while it may be undone."""
    undoes = appointment.undo_until is not None and now <= appointment.undo_until
    return bool(tellings) and appointment.state == "booked" and not undoes


def _asked(tellings: Sequence[Telling]) -> bool:
    """Say whether a question is open: one of the last tellings, which all tell the same, asked."""
    last = tellings[-1]
    for told in reversed(tellings):
        if told.calls_off or _starts(told) != _starts(last):
            return False
        if asks(told.facts):
            return True
    return False


def _starts(telling: Telling) -> str:
    return str((telling.facts or {}).get("starts", ""))


def _words(telling: Telling, today: date) -> str:
    at = _starts(telling)
    return day_and_clock(datetime.fromisoformat(at), today) if at else "another time"


def _is_true(session: Session, appointment: Appointment, telling: Telling, today: date) -> bool:
    base = ground(session, appointment.clinic_id)
    clinician = session.get(Clinician, appointment.clinician_id) if appointment.clinician_id else None
    clinician_name = clinician.name if clinician else ""
    fields = values(base.clinic, "", appointment.starts_local, clinician_name, read_on=today)
    now = facts_now(fields, appointment.starts_local) | {"phone": (telling.facts or {}).get("phone", "")}
    return still_true(telling.facts, now)
