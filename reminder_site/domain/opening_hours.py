"""A clinic's opening hours: what they say about a wall time. A warning at most: staff may know better."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from reminder_site.domain.spoken import WEEKDAYS, clock, long_day

Hours: TypeAlias = Mapping[str, Sequence[str] | None]
# Of a clinic that has none yet.
OFFICE_HOURS: Hours = {day: ("09:00", "17:00") for day in ("mon", "tue", "wed", "thu", "fri")}


def warning(hours: Hours, closed: Mapping[date, str], local: datetime, minutes: int) -> str | None:
    """Say what is odd about an appointment at a wall time that lasts so many minutes; None when nothing is."""
    on = local.date()
    if on in closed:
        return f"{long_day(on)} is a closed day ({closed[on]})."
    if not any(hours.values()):
        return "This clinic has no opening hours yet, so nobody can tell whether it is open then."
    opened = hours.get(_key(on))
    name = WEEKDAYS[on.weekday()]
    if not opened:
        return f"The clinic is closed on {name}s."
    opens, closes = (time.fromisoformat(part) for part in opened)
    if opens <= local.time() and local + timedelta(minutes=minutes) <= datetime.combine(on, closes):
        return None
    return f"The clinic is open from {clock(opens)} to {clock(closes)} on {name}s."


def closed_words(hours: Hours, closed: Mapping[date, str], on: date, booked: int) -> str | None:
    """Say that a clinic is closed on a day, why, and how many are booked all the same; None when it is open."""
    name = WEEKDAYS[on.weekday()]
    if on in closed:
        words = f"Closed: {closed[on]}."
    elif any(hours.values()) and not hours.get(_key(on)):
        words = f"Closed on {name}s."
    else:
        return None
    if booked == 1:
        return f"{words} 1 appointment is still booked."
    return f"{words} {booked} appointments are still booked." if booked else f"{words} Nothing is booked."


def seconds_open(hours: Hours, closed: Mapping[date, str], since: datetime, until: datetime) -> float:
    """Return for how many seconds between two wall times a clinic was open; one without hours keeps office hours."""
    total, on = 0.0, since.date()
    known = hours if any(hours.values()) else OFFICE_HOURS
    while on <= until.date():
        opened = None if on in closed else known.get(_key(on))
        if opened:
            opens, closes = (datetime.combine(on, time.fromisoformat(part)) for part in opened)
            total += max(0.0, (min(closes, until) - max(opens, since)).total_seconds())
        on += timedelta(days=1)
    return total


def _key(on: date) -> str:
    return WEEKDAYS[on.weekday()][:3].lower()
