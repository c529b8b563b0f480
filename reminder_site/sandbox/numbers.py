"""The account's numbers: what is owned, where each one's own webhook is, and whose pool it stands in."""

from typing import Any

from reminder_site.sandbox.clock import iso, rfc2822
from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import new_sid
from reminder_site.sandbox.listing import envelope
from reminder_site.sandbox.resources import account_path
from reminder_site.sandbox.senders import base_url, list_page, service_row
from reminder_site.sandbox.validate import ADDRESS, is_web_url
from reminder_site.sandbox.wire import Request, Response, as_json


def list_owned(exchange: Exchange, request: Request) -> Response:
    """List the account's numbers; `PhoneNumber` narrows it to one."""
    wanted = request.query.text("PhoneNumber")
    rows = exchange.store.rows("SELECT sid, number, sms_url FROM number WHERE ? IN ('', number) ORDER BY rowid", wanted)
    items = [_owned(exchange, *row) for row in rows]
    home = f"{account_path(exchange.who.account_sid)}/IncomingPhoneNumbers.json"
    return envelope("incoming_phone_numbers", items, home, request.query, 0, len(items) or 1, None)


def buy(exchange: Exchange, request: Request) -> Response:
    """Give the account one more number."""
    number, url = request.form.text("PhoneNumber"), _url(request)
    if not ADDRESS.fullmatch(number) or exchange.store.value("SELECT 1 FROM number WHERE number = ?", number):
        raise TwilioError(21422, number)
    sid = new_sid("PN")
    exchange.store.rows("INSERT INTO number (sid, number, sms_url) VALUES (?, ?, ?)", sid, number, url)
    return as_json(_owned(exchange, sid, number, url), 201)


def fetch(exchange: Exchange, request: Request, sid: str) -> Response:
    """Show one number."""
    return as_json(_owned(exchange, *_row(exchange, request, sid)))


def update(exchange: Exchange, request: Request, sid: str) -> Response:
    """Change where texts to one number go while its service leaves that to its numbers."""
    _, number, _ = _row(exchange, request, sid)
    exchange.store.rows("UPDATE number SET sms_url = ? WHERE sid = ?", _url(request), sid)
    return as_json(_owned(exchange, sid, number, _url(request)))


def put_in_pool(exchange: Exchange, request: Request, service_sid: str) -> Response:
    """Put a number of the account into a service's pool."""
    service_row(exchange, request, service_sid)
    sid, number, _ = _row(exchange, request, request.form.text("PhoneNumberSid"))
    exchange.store.rows("UPDATE number SET service_sid = ? WHERE sid = ?", service_sid, sid)
    return as_json(pooled(exchange, request, service_sid, sid, number), 201)


def list_pool(exchange: Exchange, request: Request, service_sid: str) -> Response:
    """List the numbers in a service's pool."""
    service_row(exchange, request, service_sid)
    rows = exchange.store.rows("SELECT sid, number FROM number WHERE service_sid = ? ORDER BY rowid", service_sid)
    items = [pooled(exchange, request, service_sid, *row) for row in rows]
    return list_page(request, f"{base_url(request, 'messaging')}/v1/Services/{service_sid}/PhoneNumbers",
                     "phone_numbers", items)  # fmt: skip


def pooled(exchange: Exchange, request: Request, service_sid: str, sid: str, number: str) -> dict[str, Any]:
    """Give a number as its service's pool shows it."""
    _, created_at, _ = service_row(exchange, request, service_sid)
    return {
        "account_sid": exchange.who.account_sid,
        "capabilities": ["SMS", "MMS"],
        "country_code": "US",
        "date_created": iso(created_at),
        "date_updated": iso(created_at),
        "phone_number": number,
        "service_sid": service_sid,
        "sid": sid,
        "url": f"{base_url(request, 'messaging')}/v1/Services/{service_sid}/PhoneNumbers/{sid}",
    }


def _row(exchange: Exchange, request: Request, sid: str) -> tuple[str, str, str | None]:
    rows = exchange.store.rows("SELECT sid, number, sms_url FROM number WHERE sid = ?", sid)
    if not rows:
        raise TwilioError(20404, request.path)
    row: tuple[str, str, str | None] = rows[0]
    return row


def _url(request: Request) -> str | None:
    url = request.form.text("SmsUrl") or None
    if url and not is_web_url(url):
        raise TwilioError(20422, "SmsUrl")
    return url


def _owned(exchange: Exchange, sid: str, number: str, sms_url: str | None) -> dict[str, Any]:
    made = rfc2822(exchange.clock.now())
    return {
        "account_sid": exchange.who.account_sid,
        "api_version": "2010-04-01",
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "date_created": made,
        "date_updated": made,
        "friendly_name": number,
        "phone_number": number,
        "sid": sid,
        "sms_application_sid": "",
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": sms_url or "",
        "status": "in-use",
        "uri": f"{account_path(exchange.who.account_sid)}/IncomingPhoneNumbers/{sid}.json",
    }
