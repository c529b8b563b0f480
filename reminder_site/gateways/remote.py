"""A text as Twilio holds it, in plain values. Knows neither the SDK nor the network."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pendulum

PAGE = 1000


@dataclass(frozen=True)
class Remote:
    """A message as Twilio holds it; `created_at` is UTC."""

    sid: str
    status: str
    to: str
    sender: str
    body: str
    media_count: int
    error_code: int | None
    direction: str
    messaging_service_sid: str | None
    created_at: pendulum.DateTime


def remote_of(message: Any) -> Remote:
    """Take what the SDK read over."""
    return Remote(
        sid=message.sid,
        status=message.status,
        to=message.to,
        sender=message.from_ or "",
        body=message.body or "",
        media_count=int(message.num_media or 0),
        error_code=int(message.error_code) if message.error_code else None,
        direction=message.direction,
        messaging_service_sid=message.messaging_service_sid,
        created_at=pendulum.instance(message.date_created).in_timezone("UTC"),
    )


def newer(texts: Iterable[Any], since: pendulum.DateTime) -> list[Remote]:
    """Keep what was made since a moment (UTC) of a list without an order; a whole page of older ones ends it."""
    found: list[Remote] = []
    older = 0
    for text in texts:
        remote = remote_of(text)
        older = 0 if remote.created_at >= since else older + 1
        if older == 0:
            found.append(remote)
        elif older == PAGE:
            break
    return found


def in_order(listed: list[Remote]) -> list[Remote]:
    """Put texts in the order they were made: Twilio tells whole seconds, and within one the list's order, newest first.

    Source: observed; the order of the list is not documented.
    """
    return sorted(reversed(listed), key=lambda remote: remote.created_at)
