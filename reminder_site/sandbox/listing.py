"""Lists of the 2010 API: newest first, page by page, with the filters and the envelope that the SDK expects."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.messages import find
from reminder_site.sandbox.resources import account_path, media_resource, message_resource
from reminder_site.sandbox.wire import Fields, Request, Response, as_json

FILTERS = ("To", "From", "DateSent", "DateSent<", "DateSent>")
DAY_S = 86_400
LATEST = 1e12


def list_messages(exchange: Exchange, request: Request) -> Response:
    """List texts; those made within the switchboard's staleness are not to be seen yet."""
    query = request.query
    conditions, values = _conditions(query)
    if staleness_s := exchange.faults.settings.list_staleness_s:
        conditions.append("created_at <= ?")
        values.append(exchange.clock.now() - staleness_s)
    size, page = _page_size(query), _number(query, "Page", 0)
    offset = page * size
    last_id = exchange.store.value("SELECT id FROM message WHERE sid = ?", query.text("PageToken").removeprefix("PA"))
    if last_id is not None:
        conditions.append("id < ?")
        values.append(last_id)
        offset = 0
    where = " AND ".join(conditions) or "1"
    found = exchange.store.messages(f"WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?", *values, size + 1, offset)
    home = f"{account_path(exchange.who.account_sid)}/Messages.json"
    resources = [message_resource(message, exchange.who.account_sid) for message in found[:size]]
    next_token = f"PA{found[size - 1].sid}" if len(found) > size else None
    return envelope("messages", resources, home, query, page, size, next_token)


def list_media(exchange: Exchange, request: Request, message_sid: str) -> Response:
    """List the media of one text."""
    find(exchange, request, message_sid)
    size, page = _page_size(request.query), _number(request.query, "Page", 0)
    rows = exchange.store.rows(
        "SELECT * FROM media WHERE message_sid = ? ORDER BY rowid LIMIT ? OFFSET ?", message_sid, size + 1, page * size
    )
    home = f"{account_path(exchange.who.account_sid)}/Messages/{message_sid}/Media.json"
    resources = [media_resource(row, exchange.who.account_sid) for row in rows[:size]]
    return envelope("media_list", resources, home, request.query, page, size, "" if len(rows) > size else None)


def envelope(
    key: str, items: list[dict[str, Any]], home: str, query: Fields, page: int, size: int, next_token: str | None
) -> Response:
    """Make the envelope of a list of the 2010 API."""
    kept = [(name, value) for name, value in query.pairs if name in FILTERS]

    def uri(number: int, token: str = "") -> str:
        return (
            f"{home}?{urlencode([*kept, ('PageSize', size), ('Page', number)] + [('PageToken', token)] * bool(token))}"
        )

    start = page * size if items else 0
    return as_json(
        {
            "end": max(start + len(items) - 1, 0),
            "first_page_uri": uri(0),
            "next_page_uri": None if next_token is None else uri(page + 1, next_token),
            "page": page,
            "page_size": size,
            "previous_page_uri": uri(page - 1) if page else None,
            "start": start,
            "uri": uri(page, query.text("PageToken")),
            key: items,
        }
    )


def _conditions(query: Fields) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    for name, column in (("To", "recipient"), ("From", "sender")):
        if wanted := query.text(name):
            conditions.append(f"{column} = ?")
            values.append(wanted)
    for name in ("DateSent", "DateSent<", "DateSent>"):
        if wanted := query.text(name):
            first, after_last = _span(name, wanted)
            conditions.append("sent_at >= ? AND sent_at < ?")
            values += [0 if name == "DateSent<" else first, LATEST if name == "DateSent>" else after_last]
    return conditions, values


def _span(name: str, text: str) -> tuple[float, float]:
    """A day when only a day is named, else a second: the first moment in it and the first after it."""
    try:
        moment = parsedate_to_datetime(text) if "," in text else datetime.fromisoformat(text)
    except ValueError:
        raise TwilioError(20422, name) from None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return at, at + (DAY_S if len(text) <= 10 or (name == "DateSent" and at % DAY_S == 0) else 1)


def _page_size(query: Fields) -> int:
    return min(max(_number(query, "PageSize", 50), 1), 1000)


def _number(query: Fields, name: str, default: int) -> int:
    text = query.text(name)
    return int(text) if text.isdecimal() and len(text) < 10 else default
