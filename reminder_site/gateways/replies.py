"""What a reply of Twilio's says, read from its status, its headers and its JSON; knows no SDK and no tables."""

import json
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

import pendulum

from reminder_site.domain.delivery import Outcome, classify, unclear
from reminder_site.gateways.wire import Reply

SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}", re.ASCII)
WHOLE_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def judge(reply: Reply | None) -> Outcome:
    """Say what came of an attempt to create a text that was asked for."""
    if reply is None:
        return unclear("the SDK gave no answer")
    found = _json(reply.text)
    sid, status = found.get("sid"), str(found.get("status", ""))
    sid = sid if isinstance(sid, str) and SID.fullmatch(sid) else None
    return replace(
        classify(reply.status, code_of(reply), sid, status),
        retry_after_seconds=retry_after_seconds(reply),
        request_id=reply.headers.get("twilio-request-id", "")[:64],
        server_date=server_date(reply),
    )


def code_of(reply: Reply) -> int | None:
    """Return Twilio's own number for what went wrong, if it gave one."""
    code = _json(reply.text).get("code")
    return code if isinstance(code, int) else None


def retry_after_seconds(reply: Reply) -> int | None:
    """Return how long Twilio asks to wait; None when it does not say so in seconds."""
    said = reply.headers.get("retry-after", "")
    return int(said) if WHOLE_SECONDS.fullmatch(said) else None


def server_date(reply: Reply) -> pendulum.DateTime | None:
    """Return Twilio's time as it answered (UTC, whole seconds)."""
    try:
        return pendulum.instance(parsedate_to_datetime(reply.headers.get("date", ""))).in_timezone("UTC")
    except (ValueError, TypeError):
        return None


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
