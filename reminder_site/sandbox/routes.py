"""Which address means what: Twilio's APIs (signed in, with troubles), the sandbox's own switches, and the phones."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from reminder_site.sandbox import (
    content,
    control,
    forms,
    listing,
    lookup,
    messages,
    numbers,
    pages,
    registration,
    senders,
)
from reminder_site.sandbox.errors import TwilioError, refusal
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import new_sid
from reminder_site.sandbox.troubles import with_troubles
from reminder_site.sandbox.wire import Request, Response, as_json

Handler = Callable[..., Response]
Table = list[tuple[str, re.Pattern[str], Handler, str]]

MESSAGE, MEDIA, SERVICE = "/Messages/((?:SM|MM)[^/]+)", "/Media/(ME[^/]+)", "/v1/Services/(MG[^/]+)"


def account(exchange: Exchange, request: Request) -> Response:
    """Show the account itself."""
    status = exchange.faults.settings.account_status
    return as_json({"sid": exchange.who.account_sid, "friendly_name": "Sandbox", "status": status, "type": "Full"})


def _table(*routes: tuple[str, str, Handler, str]) -> Table:
    return [(method, re.compile(pattern), handler, operation) for method, pattern, handler, operation in routes]


IN_ACCOUNT = _table(
    ("POST", "/Messages", messages.create, "create"),
    ("GET", "/Messages", listing.list_messages, "list"),
    ("GET", MESSAGE, messages.fetch, "fetch"),
    ("POST", MESSAGE, messages.update, "update"),
    ("DELETE", MESSAGE, messages.delete, "delete"),
    ("GET", f"{MESSAGE}/Media", listing.list_media, "other"),
    ("GET", MESSAGE + MEDIA, messages.fetch_media, "other"),
    ("DELETE", MESSAGE + MEDIA, messages.delete_media, "other"),
    ("POST", f"{MESSAGE}/Feedback", messages.feedback, "other"),
    ("GET", "/IncomingPhoneNumbers", numbers.list_owned, "other"),
    ("POST", "/IncomingPhoneNumbers", numbers.buy, "other"),
    ("GET", "/IncomingPhoneNumbers/(PN[^/]+)", numbers.fetch, "other"),
    ("POST", "/IncomingPhoneNumbers/(PN[^/]+)", numbers.update, "other"),
    ("GET", "", account, "other"),
)
OTHER_APIS = _table(
    ("GET", "/messaging/v1/Services", senders.list_services, "other"),
    ("POST", "/messaging/v1/Services", senders.create_service, "other"),
    ("GET", f"/messaging{SERVICE}", senders.fetch_service, "other"),
    ("POST", f"/messaging{SERVICE}", senders.update_service, "other"),
    ("DELETE", f"/messaging{SERVICE}", senders.delete_service, "other"),
    ("GET", f"/messaging{SERVICE}/PhoneNumbers", numbers.list_pool, "other"),
    ("POST", f"/messaging{SERVICE}/PhoneNumbers", numbers.put_in_pool, "other"),
    ("GET", f"/messaging{SERVICE}/Compliance/Usa2p", registration.list_campaigns, "other"),
    ("GET", "/messaging/v1/a2p/BrandRegistrations", registration.list_brands, "other"),
    ("GET", "/messaging/v1/Tollfree/Verifications", registration.list_verifications, "other"),
    ("GET", f"/messaging{SERVICE}/(ShortCodes|AlphaSenders)", senders.list_none, "other"),
    ("GET", "/lookups/v2/PhoneNumbers/([^/]+)", lookup.fetch, "other"),
    ("GET", "/content/v1/Content", content.list_all, "other"),
    ("POST", "/content/v1/Content", content.create, "other"),
    ("GET", "/content/v1/Content/(HX[^/]+)", content.fetch, "other"),
)
OWN = _table(
    ("GET", "/_sandbox/clock", control.show_clock, ""),
    ("PUT", "/_sandbox/clock", control.set_clock, ""),
    ("GET", "/_sandbox/idle", control.show_idle, ""),
    ("GET", "/_sandbox/messages", control.show_messages, ""),
    ("GET", "/_sandbox/callbacks", control.show_callbacks, ""),
    ("GET", "/_sandbox/optouts", control.show_optouts, ""),
    ("GET", "/_sandbox/faults", control.show_faults, ""),
    ("PUT", "/_sandbox/faults", control.set_faults, ""),
    ("POST", "/_sandbox/inbound", control.take_inbound, ""),
    ("POST", "/_sandbox/reset", control.reset, ""),
    ("GET", "/", pages.show, ""),
    ("GET", r"/look/(sandbox\.(?:css|js))", pages.asset, ""),
    ("POST", "/reply", forms.reply, ""),
    ("POST", "/clock", forms.move_clock, ""),
    ("POST", "/zone", forms.choose_zone, ""),
    ("POST", "/troubles", forms.switch_troubles, ""),
    ("POST", "/carrier", forms.switch_carrier, ""),
)
OWN_NAMES = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.IGNORECASE)
ACCOUNT = re.compile(r"/2010-04-01/Accounts/(AC[^/.]+)(/.*)?")


def answer(exchange: Exchange, request: Request) -> Response:
    """Answer any request."""
    if not OWN_NAMES.fullmatch(request.headers.get("host", "localhost")):
        return Response(421)  # a page from elsewhere that has its own name point here would be let in
    try:
        if request.path.startswith(("/2010-04-01/", "/messaging/", "/lookups/", "/content/")):
            return _answer_api(exchange, request)
        if request.method != "GET" and request.headers.get("sec-fetch-site") == "cross-site":
            return Response(403)
        handler, groups, _ = _find(OWN, "GET" if request.method == "HEAD" else request.method, request.path, request)
        return handler(exchange, request, *groups)
    except TwilioError as error:
        return refusal(error)


def _answer_api(exchange: Exchange, request: Request) -> Response:
    started_at = exchange.clock.now()
    handler, groups, operation = _find_api(request)

    def handle() -> Response:
        try:
            _check_credentials(exchange, request)
            return handler(exchange, request, *groups)
        except TwilioError as error:
            return refusal(error)

    if operation == "list" and request.query.get("DateSent>"):
        operation = "list_new"
    response = with_troubles(exchange, request, operation, handle)
    response.headers |= {
        "Twilio-Request-Id": new_sid("RQ"),
        "Twilio-Request-Duration": f"{max(exchange.clock.now() - started_at, 0.001):.3f}",
        "Twilio-Concurrent-Requests": "1",
        "X-Home-Region": "us1",
        "X-Api-Domain": "api.twilio.com",
    }
    if response.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return response


def _find_api(request: Request) -> tuple[Handler, tuple[Any, ...], str]:
    found = ACCOUNT.fullmatch(request.path.removesuffix(".json"))
    table, path = (IN_ACCOUNT, found[2] or "") if found else (OTHER_APIS, request.path)
    try:
        return _find(table, request.method, path, request)
    except TwilioError as error:
        return _refuser(error), (), "other"


def _refuser(error: TwilioError) -> Handler:
    return lambda exchange, request: refusal(error)


def _find(table: Table, method: str, path: str, request: Request) -> tuple[Handler, tuple[Any, ...], str]:
    other_method = False
    for known, pattern, handler, operation in table:
        if found := pattern.fullmatch(path):
            if known == method:
                return handler, found.groups(), operation
            other_method = True
    raise TwilioError(20004) if other_method else TwilioError(20404, request.path)


def _check_credentials(exchange: Exchange, request: Request) -> None:
    kind, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise TwilioError(20003) from None
    if kind.lower() != "basic" or not exchange.who.accepts(username, password):
        raise TwilioError(20003)
    if (found := ACCOUNT.fullmatch(request.path.removesuffix(".json"))) and found[1] != exchange.who.account_sid:
        raise TwilioError(20404, request.path)
