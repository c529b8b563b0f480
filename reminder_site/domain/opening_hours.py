"""A clinic's opening hours: what they say about a wall time. A warning at most: staff may know better."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from reminder_site.domain.spoken import WEEKDAYS, clock, long_day

Hours: TypeAlias = Mapping[str, Sequence[str] | None]


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


def _key(on: date) -> str:
    return WEEKDAYS[on.weekday()][:3].lower()
