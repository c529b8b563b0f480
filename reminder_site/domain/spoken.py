"""Days, times and durations as people say them: "Tue 3 Mar, 2:30 pm · in 2 days". Cheap, for lists; knows no rule."""

from datetime import date, datetime, time

import pendulum

from reminder_site.domain.zones import to_local

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
UNITS = (("day", 86_400), ("hour", 3_600), ("min", 60), ("s", 1))
HALF_A_DAY_SECONDS = 43_200


def day(on: date, today: date) -> str:
    """Say a day briefly, "Tue 3 Mar", with the year when it is not the year of `today`."""
    words = f"{WEEKDAYS[on.weekday()][:3]} {on.day} {MONTHS[on.month - 1][:3]}"
    return words if on.year == today.year else f"{words} {on.year}"


def long_day(on: date) -> str:
    """Say a day in full: "Sunday 1 November 2026"."""
    return f"{WEEKDAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]} {on.year}"


def clock(local: datetime | time) -> str:
    """Say a wall time on the twelve-hour clock: "2:30 pm"; seconds are left out."""
    return f"{local.hour % 12 or 12}:{local.minute:02d} {'am' if local.hour < 12 else 'pm'}"


def day_and_clock(local: datetime, today: date) -> str:
    """Say a day with its wall time: "Tue 3 Mar, 2:30 pm"."""
    return f"{day(local, today)}, {clock(local)}"


def moment_words(at: pendulum.DateTime, zone: str, now: pendulum.DateTime) -> str:
    """Say an instant as the zone's clocks show it and how far off it is: "Tue 3 Mar, 2:30 pm · in 2 days"."""
    local, today = to_local(at, zone), to_local(now, zone).date()
    days = (local.date() - today).days
    near = days == 0 or abs((at - now).total_seconds()) < HALF_A_DAY_SECONDS
    return f"{day_and_clock(local, today)} · {until_words(at, now) if near else _days_words(days)}"


def since_words(at: pendulum.DateTime, zone: str, now: pendulum.DateTime) -> str:
    """Say since when something has been so: "since 2:30 pm (12 min)", with the day when it began on another one."""
    local, today = to_local(at, zone), to_local(now, zone).date()
    began = clock(local) if local.date() == today else day_and_clock(local, today)
    return f"since {began} ({_one_unit((now - at).total_seconds()) or 'just now'})"


def until_words(at: pendulum.DateTime, now: pendulum.DateTime) -> str:
    """Say how far an instant lies ahead or back: "in 2 days", "in 90 min", "3 min ago"."""
    seconds = (at - now).total_seconds()
    amount = _one_unit(abs(seconds))
    if amount is None:
        return "now"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def duration_words(seconds: float) -> str:
    """Say a length of time in its two largest units: "1 hour 30 min", "45 min", "3 days"."""
    left, words = round(abs(seconds)), []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(_counted(count, unit))
        elif words:
            break
    return " ".join(words[:2]) or "0 s"


def _days_words(days: int) -> str:
    if abs(days) == 1:
        return "tomorrow" if days > 0 else "yesterday"
    return f"in {days} days" if days > 0 else f"{-days} days ago"


def _one_unit(seconds: float) -> str | None:
    """Count in the unit that misleads least: hours from two hours on, days from two days on."""
    for unit, size, least in (("day", 86_400, 2), ("hour", 3_600, 2), ("min", 60, 1), ("s", 1, 1)):
        count = round(seconds / size)
        if seconds >= (least - 0.02) * size:
            return _counted(count, unit)
    return None


def _counted(count: int, unit: str) -> str:
    plural = "s" if count != 1 and unit in ("day", "hour") else ""
    return f"{count} {unit}{plural}"
