"""The Messaging Services API (v1): services and what they are set to. v1 has ISO dates and full addresses."""

import json
from typing import Any

from reminder_site.sandbox.clock import iso
from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import new_sid
from reminder_site.sandbox.validate import is_web_url
from reminder_site.sandbox.wire import Fields, Request, Response, as_json

DEFAULTS: dict[str, Any] = {
    "friendly_name": "",
    "inbound_request_url": None,
    "inbound_method": "POST",
    "fallback_url": None,
    "fallback_method": "POST",
    "status_callback": None,
    "sticky_sender": True,
    "mms_converter": True,
    "smart_encoding": True,
    "scan_message_content": "inherit",
    "fallback_to_long_code": True,
    "area_code_geomatch": True,
    "synchronous_validation": False,
    "validity_period": 36_000,
    "usecase": "undeclared",
    "use_inbound_webhook_on_number": False,
}
LINKS = {
    "phone_numbers": "PhoneNumbers",
    "short_codes": "ShortCodes",
    "alpha_senders": "AlphaSenders",
    "messages": "Messages",
    "us_app_to_person": "Compliance/Usa2p",
}
URLS = ("inbound_request_url", "fallback_url", "status_callback")


def base_url(request: Request, prefix: str) -> str:
    """Give the address of one of the sandbox's domains as the caller knows it."""
    return f"http://{request.headers.get('host', '127.0.0.1')}/{prefix}"


def list_page(request: Request, home: str, key: str, items: list[dict[str, Any]]) -> Response:
    """Make the v1 envelope, cut to the page asked for."""
    size_text, page_text = request.query.text("PageSize"), request.query.text("Page")
    size = min(max(int(size_text), 1), 1000) if size_text.isdecimal() else 50
    page = int(page_text) if page_text.isdecimal() else 0

    def url(number: int) -> str:
        return f"{home}?PageSize={size}&Page={number}"

    meta = {
        "first_page_url": url(0),
        "key": key,
        "next_page_url": url(page + 1) if len(items) > (page + 1) * size else None,
        "page": page,
        "page_size": size,
        "previous_page_url": url(page - 1) if page else None,
        "url": url(page),
    }
    return as_json({"meta": meta, key: items[page * size : (page + 1) * size]})


def list_services(exchange: Exchange, request: Request) -> Response:
    """List the account's Messaging Services."""
    rows = exchange.store.rows("SELECT * FROM service ORDER BY created_at DESC")
    items = [_service(exchange, request, row) for row in rows]
    return list_page(request, f"{base_url(request, 'messaging')}/v1/Services", "services", items)


def create_service(exchange: Exchange, request: Request) -> Response:
    """Make a Messaging Service with an empty pool."""
    if not request.form.text("FriendlyName"):
        raise TwilioError(20422, "FriendlyName")
    row = (new_sid("MG"), exchange.clock.now(), json.dumps(_fields(request.form, {})))
    exchange.store.rows("INSERT INTO service VALUES (?, ?, ?)", *row)
    return as_json(_service(exchange, request, row), 201)


def fetch_service(exchange: Exchange, request: Request, sid: str) -> Response:
    """Show one Messaging Service."""
    return as_json(_service(exchange, request, service_row(exchange, request, sid)))


def update_service(exchange: Exchange, request: Request, sid: str) -> Response:
    """Change one Messaging Service."""
    with exchange.store.transaction():
        _, created_at, kept = service_row(exchange, request, sid)
        row = (sid, created_at, json.dumps(_fields(request.form, json.loads(kept))))
        exchange.store.rows("INSERT OR REPLACE INTO service VALUES (?, ?, ?)", *row)
    return as_json(_service(exchange, request, row))


def delete_service(exchange: Exchange, request: Request, sid: str) -> Response:
    """Remove a Messaging Service; its numbers stay with the account."""
    service_row(exchange, request, sid)
    exchange.store.rows("UPDATE number SET service_sid = NULL WHERE service_sid = ?", sid)
    exchange.store.rows("DELETE FROM service WHERE sid = ?", sid)
    return Response(204)


def list_none(exchange: Exchange, request: Request, service_sid: str, kind: str) -> Response:
    """List the short codes or alphanumeric senders of a service: the sandbox has none."""
    service_row(exchange, request, service_sid)
    home = f"{base_url(request, 'messaging')}/v1/Services/{service_sid}/{kind}"
    return list_page(request, home, {"ShortCodes": "short_codes", "AlphaSenders": "alpha_senders"}[kind], [])


def service_row(exchange: Exchange, request: Request, sid: str) -> tuple[str, float, str]:
    """Give a service's SID, the moment it was made and its fields (JSON); raises Twilio's 20404."""
    rows = exchange.store.rows("SELECT * FROM service WHERE sid = ?", sid)
    if not rows:
        raise TwilioError(20404, request.path)
    row: tuple[str, float, str] = rows[0]
    return row


def _fields(form: Fields, kept: dict[str, Any]) -> dict[str, Any]:
    fields = dict(kept)
    for name, default in DEFAULTS.items():
        text = form.get("".join(word.capitalize() for word in name.split("_")))
        if text is None:
            continue
        if isinstance(default, bool):
            fields[name] = text.lower() == "true"
        elif isinstance(default, int):
            fields[name] = _validity(text)
        else:
            fields[name] = text or default
    if any(fields.get(name) and not is_web_url(fields[name]) for name in URLS):
        raise TwilioError(20422, "Url")
    return fields


def _validity(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 36_000:
        raise TwilioError(21624, text)
    return int(text)


def _service(exchange: Exchange, request: Request, row: tuple[str, float, str]) -> dict[str, Any]:
    sid, created_at, kept = row
    url = f"{base_url(request, 'messaging')}/v1/Services/{sid}"
    fixed: dict[str, Any] = {
        "sid": sid,
        "account_sid": exchange.who.account_sid,
        "date_created": iso(created_at),
        "date_updated": iso(created_at),
        "us_app_to_person_registered": exchange.faults.settings.campaign_status == "VERIFIED",
        "links": {name: f"{url}/{path}" for name, path in LINKS.items()},
        "url": url,
    }
    return DEFAULTS | dict(json.loads(kept)) | fixed
