"""A text that somebody writes by hand: what we put around it, and what is asked before it leaves. Pure."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, NamedTuple

from reminder_site.domain import wording_lint
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.spoken import clock, day_and_clock

STOP_WORDS: Final = "STOP ends texts"
_ENDS_WITH_STOP: Final = re.compile(rf"{STOP_WORDS}\W*$", re.IGNORECASE)


class HourQuestion(NamedTuple):
    """What is asked in quiet hours; `opening` is the wall time the text may wait for, None when there is none."""

    words: str
    opening: datetime | None


def whole(typed: str, clinic_name: str) -> str:
    """Return the text as it leaves: it begins with the clinic's name and ends with how to stop, each once.

    Source: the carriers' rules ask that a text says whose it is and how to end it (CTIA, Messaging Principles).
    """
    names_it = typed.casefold().startswith(clinic_name.casefold())
    text = typed if names_it else f"{clinic_name}: {typed}"
    if _ENDS_WITH_STOP.search(text):
        return text
    return f"{text}{'' if text.endswith(('.', '!', '?', '…')) else '.'} {STOP_WORDS}"


def doubts(typed: str, confirmed: str = "") -> list[str]:
    """List in words what should not stand in a text and has to be confirmed, by its mark, before it leaves."""
    return [] if confirmed == mark(typed) else wording_lint.warnings(typed)


def mark(typed: str) -> str:
    """Name a text, so that who confirms it confirms this one and no other; tells nothing of its words."""
    return hashlib.sha256(typed.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def hour_question(
    local: datetime, quiet: QuietHours, closed: Mapping[date, str], before: datetime | None = None
) -> HourQuestion | None:
    """Ask whether a text is to leave at a wall time in quiet hours; None when texts may go out then.

    One that waits for the next opening is of use only `before` a wall time, if one is given.
    """
    reason = quiet.why_quiet(local, closed, "texts")
    if reason is None:
        return None
    opening = quiet.next_after(local, closed)
    opening = opening if opening and (before is None or opening < before) else None
    later = f", or on {day_and_clock(opening, local.date())}" if opening else ""
    return HourQuestion(f"It is {clock(local)}, and {reason}. Send now{later}?", opening)
