"""What the buttons on the phones' page do; each answers 303 back to the page, with the problem in words."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.faults import CARRIER_CODES, BadSwitchboard
from reminder_site.sandbox.inbound import receive
from reminder_site.sandbox.pages import typed_number
from reminder_site.sandbox.phones import texted_from
from reminder_site.sandbox.wire import Fields, Request, Response

STEPS_S = {"quarter": 900, "hour": 3_600, "day": 86_400}
LONGEST_TEXT = 1_600
CALLBACK_SWITCHES = ("early", "late", "lost", "doubled", "shuffled")


def reply(exchange: Exchange, request: Request) -> Response:
    """Send what was typed, or the word of the button that was pressed, from a phone."""
    address, body = typed_number(request.form.text("number")), request.form.text("word") or request.form.text("body")
    if address is None:
        return _back(request, "That is not a phone number.")
    if not body.strip() or len(body) > LONGEST_TEXT:
        return _back(request, "Type a text of at most 1,600 characters.")
    receive(exchange, address, texted_from(exchange, address), body.replace("\r\n", "\n"), [])
    return _back(request)


def move_clock(exchange: Exchange, request: Request) -> Response:
    """Put the clock forward by a step, to the next due text, or to a typed date and time; or change its speed."""
    step, now = request.form.text("step"), exchange.clock.now()
    if step in STEPS_S:
        exchange.set_clock(now + STEPS_S[step])
    elif step == "next":
        due_at = exchange.dispatcher.next_due_at()
        exchange.set_clock(max(now, due_at if due_at is not None else now))
    elif step == "real":
        exchange.clock.forget()
    elif step in ("stop", "go"):
        exchange.set_clock(speed=0 if step == "stop" else 1)
    elif (at := _typed_moment(exchange, request.form)) is not None:
        exchange.set_clock(at)
    else:
        return _back(request, "Give a date and a time.")
    return _back(request)


def choose_zone(exchange: Exchange, request: Request) -> Response:
    """Choose the zone in which times are shown."""
    zone = request.form.text("zone").strip()
    if zone not in available_timezones():
        return _back(request, "No such time zone; try Europe/London or America/New_York.")
    exchange.store.keep("zone", zone)
    return _back(request)


def switch_troubles(exchange: Exchange, request: Request) -> Response:
    """Replace the switchboard by what the switches say; what has no switch here takes its default."""
    form = request.form
    if form.says("clear"):
        exchange.faults.clear()
        return _back(request)
    try:
        exchange.faults.put(_switchboard(exchange, form))
    except (BadSwitchboard, ValueError):
        return _back(request, "Those switches cannot be set like that.")
    return _back(request)


def switch_carrier(exchange: Exchange, request: Request) -> Response:
    """Choose how texts to one phone end."""
    address, status = typed_number(request.form.text("number")), request.form.text("status")
    if address is None or status not in CARRIER_CODES:
        return _back(request, "That cannot be set.")
    exchange.faults.treat(address, status)
    return _back(request)


def _switchboard(exchange: Exchange, form: Fields) -> dict[str, Any]:
    rules: list[dict[str, Any]] = []
    if kind := form.text("kind"):
        often = form.text("often")
        rules.append(
            {"kind": kind, "seconds": 30.0} | ({"next": 1} if often == "once" else {"probability": float(often)})
        )
    return {
        "latency_ms": float(form.text("latency_ms") or 0),
        "list_staleness_s": float(form.text("list_staleness_s") or 0),
        "scheduled_cap": int(form.text("scheduled_cap") or 500_000),
        "rules": rules,
        "callbacks": {name: 1.0 for name in CALLBACK_SWITCHES if form.says(name)},
        "carrier": exchange.faults.as_json()["carrier"],
    }


def _typed_moment(exchange: Exchange, form: Fields) -> float | None:
    try:
        return datetime.fromisoformat(form.text("at")).replace(tzinfo=ZoneInfo(exchange.zone)).timestamp()
    except (OverflowError, ValueError):
        return None


def _back(request: Request, problem: str = "") -> Response:
    number = typed_number(request.form.text("number"))
    named = ([("number", number)] if number else []) + ([("problem", problem)] if problem else [])
    return Response(303, headers={"Location": "/" + ("?" + urlencode(named) if named else "")})
