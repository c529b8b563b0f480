"""Days and times of day as they come out of a form. Knows no zone: whether a wall time exists is for `times`."""

import re
from datetime import date, time
from typing import Final

_DAY: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.]?(\d{2}))?(?::\d{2})? ?(?:([ap])\.?m\.?)?", re.IGNORECASE)


class NotATime(ValueError):
    """Says in words why something typed is no day or no time of day."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def read_day(typed: str) -> date:
    """Read a day as date fields send it, 2026-11-20; raises NotATime, also for a day the calendar does not have."""
    found = _DAY.fullmatch(typed.strip())
    if not found:
        raise NotATime("Write the day as year-month-day, such as 2026-11-20." if typed.strip() else "Choose a day.")
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError as error:
        raise NotATime("The calendar has no such day. Please check it.") from error


def read_clock(typed: str) -> time:
    """Read a time of day as people type it: 14:30, 1430, 2:30 pm, 2pm; raises NotATime."""
    if not typed.strip():
        raise NotATime("Choose a time.")
    found = _CLOCK.fullmatch(typed.strip())
    hour, minute, half = found.groups() if found else ("99", None, None)
    number = int(hour)
    if half:
        number = number % 12 + (12 if half.lower() == "p" else 0) if 1 <= number <= 12 else 99
    bare_number = not half and minute is None
    if bare_number or number > 23 or int(minute or 0) > 59:
        raise NotATime("Write the time as hours and minutes, such as 14:30 or 2:30 pm.")
    return time(number, int(minute or 0))
