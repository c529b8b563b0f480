"""Calls to addresses the operator has set: signed webhooks, a dead man's switch. Follows no redirect, uses no proxy."""

from urllib.parse import urlsplit

import pendulum
from standardwebhooks import Webhook

from reminder_site.gateways.wire import NotSent, Unclear, Wire

ANSWER_SECONDS = 5.0
AGENT = "reminder-site"


class NotTaken(Exception):
    """A call was not answered with 2xx; the message says how, without the address."""


def post(url: str, secret: str, *, webhook_id: str, body: str, at: pendulum.DateTime) -> None:
    """Post a payload signed as Standard Webhooks 1.0; `at` is the real time of this try (UTC). Raises NotTaken."""
    at = at.in_timezone("UTC")  # the library signs a wrong second for any other zone
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }
    _call("POST", url, body.encode(), headers)


def ping(url: str, *, well: bool) -> None:
    """Tell the dead man's switch that all is well, or that it is not. Raises NotTaken."""
    _call("GET", url if well else f"{url.rstrip('/')}/fail", None, {})


def _call(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> None:
    wire = Wire(read_seconds=ANSWER_SECONDS)
    url = url if urlsplit(url).path else f"{url}/"
    try:
        reply = wire.exchange(method, url, body=body, headers={"User-Agent": AGENT, **headers})
    except (NotSent, Unclear) as error:
        raise NotTaken(f"{type(error).__name__}: {error}") from error
    finally:
        wire.close()
    if not 200 <= reply.status < 300:
        raise NotTaken(f"HTTP {reply.status}")
