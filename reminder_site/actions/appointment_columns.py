"""Which columns of an appointment a change of its time or notice sets. Plain values: reads and writes no rows."""

from datetime import datetime
from typing import Any

import pendulum

from reminder_site.domain import zones
from reminder_site.domain.times import Placed, resolve
from reminder_site.models import Appointment

KEPT_FOR_UNDO = ("clinician_id", "time_zone", "fold", "answer", "late_notice", "round", "announced")
KEPT_MOMENTS = ("answered_at", "timed_at")
UNANSWERED: dict[str, Any] = {"answer": "none", "answered_at": None, "late_notice": False}


def at(time: Placed) -> dict[str, Any]:
    """Return the time itself: the wall time that is kept, and the instant that is derived from it."""
    return {
        "starts_local": time.local,
        "time_zone": time.zone,
        "fold": time.fold,
        "starts_at": time.at,
        "tzdb_version": zones.version(),
    }


def notice(appointment: Appointment, kind: str, at: pendulum.DateTime) -> dict[str, Any]:
    """Return what tells the patient, from a moment on (UTC); an empty kind ends what was to be told."""
    return {
        "notice_kind": kind,
        "notice_at": at if kind else None,
        "notice_serial": appointment.notice_serial + 1,
        "ics_sequence": appointment.ics_sequence + 1,
    }


def as_moved(
    appointment: Appointment, told: bool, undo_until: pendulum.DateTime, now: pendulum.DateTime, *, untold: bool
) -> dict[str, Any]:
    """Return what a new time changes besides the time: nobody has answered for it, and it can be undone for a while.

    After an `untold` move it is the time before that one which the patient knows, and which undo goes back to.
    """
    before = {
        **{name: getattr(appointment, name) for name in KEPT_FOR_UNDO},
        **{name: _iso(getattr(appointment, name)) for name in KEPT_MOMENTS},
        "starts_local": appointment.starts_local.isoformat(),
    }
    return {
        "timed_at": now,
        "round": appointment.round + 1,
        "announced": told,
        "undo_until": undo_until,
        "moved_from": appointment.moved_from if untold else before,
        **UNANSWERED,
        **notice(appointment, "moved" if told else "", undo_until),
    }


def restored(appointment: Appointment, before: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that put a moved appointment back as `as_moved` found it."""
    moments = {name: pendulum.parse(before[name]) if before[name] else None for name in KEPT_MOMENTS}
    local = datetime.fromisoformat(before["starts_local"])
    return {
        **{name: before[name] for name in KEPT_FOR_UNDO},
        **moments,
        "starts_local": local,
        "starts_at": resolve(local, before["time_zone"], before["fold"]),
        "tzdb_version": zones.version(),
        "undo_until": None,
        "moved_from": None,
        **notice(appointment, "", appointment.timed_at),
    }


def taken_back(appointment: Appointment) -> dict[str, Any]:
    """Return what a cancellation keeps of an untold move that it takes back, so that its undo can bring it again."""
    kept = {name: getattr(appointment, name) for name in ("clinician_id", "time_zone", "fold", "announced")}
    return {"taken_back": {**kept, "starts_local": appointment.starts_local.isoformat()}}


def moved_again(appointment: Appointment, undo_until: pendulum.DateTime, now: pendulum.DateTime) -> dict[str, Any]:
    """Return the columns of the move that a cancellation had taken back; nothing if there was none, or it is past."""
    move = (appointment.moved_from or {}).get("taken_back")
    if move is None:
        return {}
    local, zone, fold = datetime.fromisoformat(move["starts_local"]), move["time_zone"], move["fold"]
    time = Placed(local, zone, fold, resolve(local, zone, fold))
    if time.at <= now:
        return {}
    moved = as_moved(appointment, move["announced"], undo_until, now, untold=False)
    return {"clinician_id": move["clinician_id"], **at(time), **moved}


def _iso(moment: pendulum.DateTime | None) -> str | None:
    return moment.isoformat() if moment else None
