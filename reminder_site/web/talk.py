"""How a conversation looks on pages: each text with its moment, state, and what to do when it did not arrive."""

from typing import Any

import pendulum

from reminder_site.config import settings
from reminder_site.domain import hand_written, phones, segments, spoken
from reminder_site.domain import message_state as states
from reminder_site.domain.times import to_local
from reminder_site.domain.zones import exact
from reminder_site.queries.conversation import Said
from reminder_site.queries.plans import LINK_FIELD


def lines(said: list[Said], zone: str, now: pendulum.DateTime) -> list[dict[str, Any]]:
    """Say everything about each text of a conversation."""
    today = to_local(now, zone).date()
    return [
        {
            "direction": one.direction,
            "body": as_read(one.body),
            "when": spoken.day_and_clock(to_local(one.at, zone), today),
            "at_iso": one.at.to_iso8601_string(),
            "exact": exact(one.at, zone),
            "arrived": spoken.day_and_clock(to_local(one.arrived_at, zone), today) if one.arrived_at else "",
            "state": one.state,
            "words": states.WORDS.get(one.state),
            "by": one.by,
            "trouble": one.trouble,
        }
        for one in said
    ]


def number(e164: str, country: str) -> str:
    """Write a number as people of a country do; empty for none."""
    return phones.show(e164, country) if e164 else ""


def seen(typed: str, clinic_name: str) -> dict[str, Any] | None:
    """Draw a text written by hand as the patient will read it, with its true size and what speaks against it."""
    if not typed:
        return None
    text = hand_written.whole(typed, clinic_name)
    size = segments.count(text)
    warnings = [*hand_written.doubts(typed), *([f"{size.reason}."] if size.reason else [])]
    return {"text": text, "size": size, "characters": len(text), "warnings": warnings}


def as_read(body: str) -> str:
    """Return a text as its patient reads it, but for the link's secret part, which no staff page shows."""
    return body.replace(LINK_FIELD, f"{settings().public_base_url}/m/…")
