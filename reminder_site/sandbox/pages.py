"""The page with the phones, drawn from templates/sandbox/, and its stylesheet and script; forms.py changes things."""

from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reminder_site.sandbox import phones
from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.faults import AFTER, BEFORE
from reminder_site.sandbox.phones import Calendar
from reminder_site.sandbox.validate import ADDRESS
from reminder_site.sandbox.wire import Request, Response

ROOT = Path(__file__).parents[2]
KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFETY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
templates = Environment(
    loader=FileSystemLoader(ROOT / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
templates.filters["urlquote"] = lambda text: quote(text, safe="")


def show(exchange: Exchange, request: Request) -> Response:
    """Draw the phones, with the one asked for, or else the latest, open."""
    calendar = Calendar(exchange)
    listed = phones.list_phones(exchange, calendar)
    wanted = typed_number(request.query.text("number"))
    chosen = wanted or (listed[0].address if listed else None)
    return draw(
        "sandbox/phones.html",
        phones=listed,
        chosen=chosen,
        chosen_name=chosen and phones.name_of(chosen),
        bubbles=phones.conversation(exchange, calendar, chosen) if chosen else [],
        answers_to=chosen and phones.name_of(phones.texted_from(exchange, chosen)),
        waiting=phones.waiting(exchange, calendar),
        clock=_clock(exchange, calendar),
        faults=exchange.faults.settings,
        carrier=exchange.faults.carrier_result(chosen)[0] if chosen else "delivered",
        kinds={**BEFORE, **AFTER},
        zones=sorted(available_timezones()),
        problem=request.query.text("problem"),
    )


def asset(exchange: Exchange, request: Request, name: str) -> Response:
    """Serve the stylesheet or the script."""
    kind = name.rpartition(".")[2]
    path = ROOT / "static" / kind / name
    if not path.is_file():
        raise TwilioError(20404, request.path)
    return Response(200, path.read_bytes(), {"Content-Type": KINDS[kind], "Cache-Control": "no-cache"})


def draw(template: str, **values: Any) -> Response:
    """Draw one page."""
    body = templates.get_template(template).render(values).encode("utf-8", "replace")
    return Response(200, body, {"Content-Type": "text/html; charset=utf-8"} | SAFETY)


def typed_number(text: str) -> str | None:
    """Read a number as somebody types it, or None when it is none."""
    bare = "".join(char for char in text if char not in " -().\u00a0")
    bare = bare if bare.startswith(("+", "whatsapp:", "rcs:")) else f"+{bare}"
    return bare if ADDRESS.fullmatch(bare) else None


def _clock(exchange: Exchange, calendar: Calendar) -> dict[str, Any]:
    now, due_at = exchange.clock.now(), exchange.dispatcher.next_due_at()
    return {
        "words": calendar.both(now),
        "exact": calendar.exact(now),
        "field": calendar.local(now).strftime("%Y-%m-%dT%H:%M"),
        "speed": exchange.clock.speed,
        "zone": exchange.zone,
        "next_due": calendar.both(due_at) if due_at is not None and due_at > now else None,
    }
