"""How planned and sent texts look on pages: the words and marks of each. Draws no page and reads no table."""

from typing import Any

import pendulum

from reminder_site.domain import codes, segments, spoken
from reminder_site.domain import message_state as states
from reminder_site.domain.times import Placed, to_local
from reminder_site.domain.zones import exact, rules_of
from reminder_site.queries.plans import LINK_FIELD
from reminder_site.queries.previews import PreviewLine
from reminder_site.queries.reminders import Event, ReminderFacts
from reminder_site.queries.threads import HEARD

FAILED = frozenset({states.FAILED, states.UNDELIVERED})
STILL_OURS = states.HELD_HERE | {states.SCHEDULED}
AHEAD = STILL_OURS | states.IN_FLIGHT | {states.NEEDS_REVIEW}


def placed_words(placed: Placed) -> str:
    """Say a time in full: "Friday 20 November 2026, 2:30 pm"."""
    return f"{spoken.long_day(placed.local.date())}, {spoken.clock(placed.local)}"


def zone_words(placed: Placed, now: pendulum.DateTime) -> str:
    """Say whose clocks a time is by and how far off it is: "New York time (EST) · in 18 days"."""
    far = spoken.moment_words(placed.at, placed.zone, now).partition(" · ")[2]
    return f"{city(placed.zone)} time ({placed.at.astimezone(rules_of(placed.zone)).tzname()}) · {far}"


def city(zone: str) -> str:
    """Return the city a zone is named after: "New York"."""
    return zone.rpartition("/")[2].replace("_", " ")


def preview_step(line: PreviewLine, zone: str) -> dict[str, Any]:
    """Say everything about one text of a plan that is not saved yet."""
    step = {"name": line.name, "skipped": line.skipped, "flagged": line.flagged, "why": _sentence(line.why)}
    if line.send_at is None:
        return step
    return {
        **step,
        "when": line.when,
        "at_iso": line.send_at.to_iso8601_string(),
        "exact": exact(line.send_at, zone),
        "text": line.text,
        "segments": line.segments,
        "encoding": line.encoding,
        "characters": len(line.text),
        "size_note": _sentence(line.reason) if line.reason else "",
        "route": _sentence(line.route),
    }


def reminder(found: ReminderFacts, zone: str, link: str, now: pendulum.DateTime) -> dict[str, Any]:
    """Say everything about one reminder that is planned, has left, was skipped or was taken back.

    `link` is what stands in the place of the patient's link, as long as that is (queries.links.as_shown).
    """
    text = found.body.replace(LINK_FIELD, link)
    size = segments.count(text)
    return {
        "id": found.id,
        "name": found.name,
        "current": found.current,
        "carries_link": LINK_FIELD in found.body and (found.state in HEARD or found.current and found.state in AHEAD),
        "skipped": found.skipped,
        "flagged": found.flagged,
        "state": found.state,
        "words": states.WORDS.get(found.state),
        "when": spoken.moment_words(found.left_at, zone, now) if found.left_at else "",
        "at_iso": found.left_at.to_iso8601_string() if found.left_at else "",
        "exact": exact(found.left_at, zone) if found.left_at else "",
        "arrived": _clock(found.arrived_at, zone, now),
        "text": text,
        "segments": size.segments,
        "encoding": size.encoding,
        "characters": len(text),
        "why": _sentence(found.why if found.current else found.dropped_why or found.why),
        "trouble": codes.of(found.error_code) if found.state in FAILED else None,
        "ours": found.current and found.state in STILL_OURS,
        "failed": found.current and found.state in FAILED,
        "history": [_event(event, zone, now) for event in found.history],
    }


def _event(event: Event, zone: str, now: pendulum.DateTime) -> dict[str, Any]:
    local, today = to_local(event.at, zone), to_local(now, zone).date()
    return {
        "state": event.state,
        "what": event.words[:1].upper() + event.words[1:],
        "by": event.by,
        "when": spoken.day_and_clock(local, today),
        "at_iso": event.at.to_iso8601_string(),
        "exact": exact(event.at, zone),
    }


def _clock(at: pendulum.DateTime | None, zone: str, now: pendulum.DateTime) -> str:
    return spoken.day_and_clock(to_local(at, zone), to_local(now, zone).date()) if at else ""


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '?')) else '.'}" if words else ""
