"""The Content API as far as a text needs it: templates with numbered or named places, made, shown and listed."""

import json
from typing import Any

from reminder_site.sandbox.clock import iso
from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import new_sid
from reminder_site.sandbox.senders import base_url, list_page
from reminder_site.sandbox.wire import Request, Response, as_json


def create(exchange: Exchange, request: Request) -> Response:
    """Make a content template from JSON."""
    try:
        wanted = request.json()
        fields = {
            "friendly_name": str(wanted.get("friendly_name", "")),
            "language": str(wanted["language"]),
            "variables": dict(wanted.get("variables", {})),
            "types": {str(kind): dict(parts) for kind, parts in wanted["types"].items()},
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        raise TwilioError(20422, "types, language") from None
    row = (new_sid("HX"), exchange.clock.now(), json.dumps(fields))
    exchange.store.rows("INSERT INTO content VALUES (?, ?, ?)", *row)
    return as_json(_content(exchange, request, row), 201)


def fetch(exchange: Exchange, request: Request, sid: str) -> Response:
    """Show one content template."""
    rows = exchange.store.rows("SELECT * FROM content WHERE sid = ?", sid)
    if not rows:
        raise TwilioError(20404, request.path)
    return as_json(_content(exchange, request, rows[0]))


def list_all(exchange: Exchange, request: Request) -> Response:
    """List all content templates."""
    rows = exchange.store.rows("SELECT * FROM content ORDER BY created_at DESC")
    items = [_content(exchange, request, row) for row in rows]
    return list_page(request, f"{base_url(request, 'content')}/v1/Content", "contents", items)


def _content(exchange: Exchange, request: Request, row: tuple[str, float, str]) -> dict[str, Any]:
    sid, created_at, fields = row
    url = f"{base_url(request, 'content')}/v1/Content/{sid}"
    links = {"approval_create": f"{url}/ApprovalRequests/whatsapp", "approval_fetch": f"{url}/ApprovalRequests"}
    return dict(json.loads(fields)) | {
        "account_sid": exchange.who.account_sid,
        "date_created": iso(created_at),
        "date_updated": iso(created_at),
        "links": links,
        "sid": sid,
        "url": url,
    }
