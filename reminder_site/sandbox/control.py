"""The sandbox's own switches over HTTP, for tests and operators: clock, troubles, what it holds, inbound texts."""

from dataclasses import asdict
from typing import Any

from reminder_site.sandbox.clock import iso, parse_moment
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.faults import BadSwitchboard
from reminder_site.sandbox.identity import SENDER_NUMBER
from reminder_site.sandbox.inbound import UnknownSender, receive
from reminder_site.sandbox.store import Message
from reminder_site.sandbox.wire import Request, Response, as_json

FILTERS = {"to": "recipient", "from": "sender", "status": "status", "direction": "direction", "sid": "sid"}


def show_clock(exchange: Exchange, request: Request) -> Response:
    """Tell the time and how fast it runs."""
    return as_json({"now": iso(exchange.clock.now(), fraction=True), "speed": exchange.clock.speed})


def set_clock(exchange: Exchange, request: Request) -> Response:
    """Set the time, the speed or both; answers once everything due by then has been sent."""
    try:
        wanted = request.json()
        now, speed = wanted.get("now"), wanted.get("speed")
        at = None if now is None else parse_moment(now)
        if speed is not None and not 0 <= float(speed) <= 1_000_000:
            raise ValueError("speed is a number from 0 to 1,000,000")
        exchange.set_clock(at, None if speed is None else float(speed))
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        return _wrong(error)
    return show_clock(exchange, request)


def show_idle(exchange: Exchange, request: Request) -> Response:
    """Tell whether everything due has happened and every callback has been made."""
    return as_json({"idle": exchange.idle()})


def show_messages(exchange: Exchange, request: Request) -> Response:
    """Show all texts, oldest first; `?to=`, `from`, `status`, `direction` and `sid` narrow it."""
    named = [(FILTERS[name], value) for name, value in request.query.pairs if name in FILTERS]
    where = " AND ".join(["1", *(f"{column} = ?" for column, _ in named)])
    found = exchange.store.messages(f"WHERE {where} ORDER BY id", *(value for _, value in named))
    return as_json({"messages": [_told(message) for message in found]})


def show_callbacks(exchange: Exchange, request: Request) -> Response:
    """Show the latest status callbacks that were made, oldest first, and how each ended."""
    sid = request.query.get("sid")
    outcomes = [asdict(outcome) for outcome in list(exchange.callbacks.log) if sid in (None, outcome.sid)]
    return as_json({"callbacks": outcomes})


def show_optouts(exchange: Exchange, request: Request) -> Response:
    """Show who is blocked, and from which Messaging Service or sender."""
    rows = exchange.store.rows("SELECT scope, number, word, created_at FROM opt_out ORDER BY created_at")
    optouts = [{"scope": row[0], "number": row[1], "word": row[2], "created_at": iso(row[3])} for row in rows]
    return as_json({"optouts": optouts})


def show_faults(exchange: Exchange, request: Request) -> Response:
    """Show the switchboard."""
    return as_json(exchange.faults.as_json())


def set_faults(exchange: Exchange, request: Request) -> Response:
    """Replace the switchboard; what is not named takes its default."""
    try:
        wanted = request.json()
        if not isinstance(wanted, dict):
            raise BadSwitchboard("the switchboard is a JSON object")
        exchange.faults.put(wanted)
    except ValueError as error:
        return _wrong(error)
    return show_faults(exchange, request)


def take_inbound(exchange: Exchange, request: Request) -> Response:
    """Take a text from a patient (JSON or form); answers once the site's webhook has, and tells what it said."""
    try:
        wanted = request.json() if "json" in request.headers.get("content-type", "") else dict(request.form.pairs)
        media = [wanted["media"]] if isinstance(wanted.get("media"), str) else list(wanted.get("media") or [])
        number = str(wanted.get("to") or SENDER_NUMBER)
        message, answer = receive(exchange, str(wanted["from"]), number, str(wanted.get("body") or ""), media)
    except UnknownSender as error:
        return _wrong(ValueError(f"{error} is no number of this account"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return _wrong(ValueError("wanted: from, to, body and, if any, media (a list of addresses)"))
    said = {"outcome": answer.outcome, "status": answer.status, "body": answer.body.decode("utf-8", "replace")}
    return as_json({"sid": message.sid, "webhook": said}, 201)


def reset(exchange: Exchange, request: Request) -> Response:
    """Empty everything and follow the machine's clock again."""
    exchange.reset()
    return as_json({"reset": True})


def _told(message: Message) -> dict[str, Any]:
    moments = {
        name: value if (value := getattr(message, name)) is None else iso(value, fraction=not float(value).is_integer())
        for name in ("created_at", "updated_at", "send_at", "sent_at")
    }
    return moments | {
        "sid": message.sid,
        "to": message.recipient,
        "from": message.sender,
        "body": message.body,
        "status": message.status,
        "direction": message.direction,
        "error_code": message.error_code,
        "messaging_service_sid": message.service_sid,
        "num_segments": message.num_segments,
        "num_media": message.num_media,
        "status_callback": message.status_callback,
        "validity_period": message.valid_s,
    }


def _wrong(error: Exception) -> Response:
    return as_json({"error": str(error)}, 400)
