"""How appointments look in lists: the words, marks and filters of the day list. Draws no page and reads no table."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

import pendulum

from reminder_site.domain import message_state as states
from reminder_site.domain import phones, spoken
from reminder_site.domain.names import fold
from reminder_site.domain.phones import digits_fragment
from reminder_site.domain.times import to_local
from reminder_site.domain.zones import exact
from reminder_site.queries.appointments import Line, Text

TROUBLED: Final = frozenset({states.FAILED, states.UNDELIVERED, states.NEEDS_REVIEW, states.SUPPRESSED, states.EXPIRED})
AHEAD: Final = states.HELD_HERE | {states.SCHEDULED}
STANDING_WORDS: Final = {"none": "no answer yet", "cannot_come": "can’t come"}


def _is_open(line: Line) -> bool:
    return line.state == "booked" and not line.outcome


def _needs_somebody(line: Line) -> bool:
    asked = line.answer in {"change_wanted", "cannot_come"} or any(text.state in TROUBLED for text in line.texts)
    return _is_open(line) and (asked or not line.phone_e164)


FILTERS: Final[Mapping[str, tuple[str, Callable[[Line], bool]]]] = {
    "all": ("All", lambda line: True),
    "needs": ("Need somebody", _needs_somebody),
    "unconfirmed": ("No answer yet", lambda line: _is_open(line) and line.answer == "none"),
    "confirmed": ("Confirmed", lambda line: _is_open(line) and line.answer == "confirmed"),
    "seen": ("Arrived or not come", lambda line: bool(line.outcome)),
    "cancelled": ("Cancelled", lambda line: line.state == "cancelled"),
}


def filters(lines: Sequence[Line], chosen: str) -> list[dict[str, Any]]:
    """List the filters that have something to show, with their counts; "all" and the chosen one always."""
    counted = [(key, words, sum(map(test, lines))) for key, (words, test) in FILTERS.items()]
    return [
        {"key": key, "words": words, "count": count, "chosen": key == chosen}
        for key, words, count in counted
        if count or key in {"all", chosen}
    ]


def shown(lines: Sequence[Line], chosen: str, typed: str) -> list[Line]:
    """Keep the lines of a filter whose patient matches what was typed: a piece of the name or of the number."""
    test = FILTERS[chosen][1]
    digits, words = digits_fragment(typed), fold(typed).split()
    return [line for line in lines if test(line) and _matches(line, digits, words, typed)]


def row(line: Line, *, country: str, now: pendulum.DateTime) -> dict[str, Any]:
    """Say everything about one appointment that its line of the list shows."""
    time, _, half = spoken.clock(line.starts_local).partition(" ")
    today = to_local(now, line.time_zone).date()
    return {
        "line": line,
        "at_iso": line.starts_at.to_iso8601_string(),
        "exact": exact(line.starts_at, line.time_zone),
        "time": time,
        "half": half,
        "name": line.patient,
        "phone": line.phone_e164,
        "phone_shown": phones.show(line.phone_e164, country) if line.phone_e164 else "",
        "what": line.kind or "",
        "clinician": line.clinician or "",
        "state": line.standing,
        "state_words": STANDING_WORDS.get(line.standing),
        "texts": [_text(text, line, today) for text in line.texts if text.state != "skipped"],
        "no_texts": _why_none(line),
        "mood": _mood(line),
        "ahead": line.starts_at > now,
        "has_come": today >= line.starts_local.date(),
    }


def _matches(line: Line, digits: str | None, words: list[str], typed: str) -> bool:
    if digits:
        return digits in line.phone_e164
    return all(word in line.search_name for word in words) if words else not typed.strip()


def _text(text: Text, line: Line, today: date) -> dict[str, Any]:
    name = text.name.removesuffix(" before")
    said = states.WORDS[text.state]
    if text.send_at is None:
        return {"state": text.state, "words": f"{name}: {said}", "title": text.why}
    local = to_local(text.send_at, line.time_zone)
    when = spoken.day_and_clock(local, today)
    if text.state in AHEAD:
        short = spoken.clock(local) if local.date() == today else spoken.day(local.date(), today)
        return {
            "state": text.state,
            "words": f"{name}: {short}",
            "title": f"{said[:1].upper()}{said[1:]}: {when}. {text.why}",
        }
    return {"state": text.state, "words": f"{name}: {said}", "title": f"{said[:1].upper()}{said[1:]}. Its time: {when}"}


def _why_none(line: Line) -> str:
    if not line.phone_e164:
        return "no texts: no number"
    if line.phone_flag:
        return "no texts: number cannot be texted"
    if not line.agreed:
        return "no texts: not agreed to"
    if not line.reminders_on:
        return "no texts: reminders are off"
    skipped = [text.why for text in line.texts if text.state == "skipped"]
    return f"no texts: {skipped[0].removeprefix('skipped: ')}" if line.state == "booked" and skipped else "no texts"


def _mood(line: Line) -> str:
    if line.state == "cancelled":
        return "off"
    if line.outcome:
        return "over"
    return "needs" if _needs_somebody(line) else ""
