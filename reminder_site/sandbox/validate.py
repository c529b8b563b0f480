"""What Twilio checks before it accepts a text, in the order in which it is checked here: recipient, sender, content,
callback, validity, schedule, magic numbers, opt-out. Raises TwilioError; writes nothing.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.optout import is_blocked
from reminder_site.sandbox.wire import Fields

SOONEST_S, LATEST_S = 900, 3_024_000
ADDRESS = re.compile(r"((?:whatsapp|rcs):)?\+[1-9][0-9]{6,14}")
SEND_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MAGIC_SENDERS = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
MAGIC_RECIPIENTS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A create that passed every check."""

    recipient: str
    sender: str | None
    service_sid: str | None
    body: str
    media_urls: list[str]
    status_callback: str | None
    send_at: float | None
    valid_s: int | None


def check_create(exchange: Exchange, form: Fields, *, now: float) -> Accepted:
    """Check the form of a create; raises TwilioError with the code that Twilio would give."""
    recipient = _recipient(form)
    sender, service_sid = _sender(exchange, form, recipient)
    body, media_urls = _content(exchange, form)
    callback = _status_callback(exchange, form, service_sid)
    valid_s = _validity(form)
    send_at = _send_at(exchange, form, service_sid, now)
    if recipient in MAGIC_RECIPIENTS:
        raise TwilioError(MAGIC_RECIPIENTS[recipient], recipient)
    at_once = service_sid is None or exchange.faults.settings.optout_sync
    if at_once and is_blocked(exchange.store, service_sid or sender or "", recipient):
        raise TwilioError(21610)
    return Accepted(recipient, sender, service_sid, body, media_urls, callback, send_at, valid_s)


def _recipient(form: Fields) -> str:
    recipient = form.text("To").strip()
    if not recipient:
        raise TwilioError(21604)
    if not ADDRESS.fullmatch(recipient):
        raise TwilioError(21211, recipient)
    return recipient


def _sender(exchange: Exchange, form: Fields, recipient: str) -> tuple[str | None, str | None]:
    sender = form.text("From").strip() or None
    service_sid = form.text("MessagingServiceSid") or None
    if sender and sender.startswith("MG"):
        sender, service_sid = None, service_sid or sender
    if not sender and not service_sid:
        raise TwilioError(21603)
    if service_sid and not exchange.store.value("SELECT 1 FROM service WHERE sid = ?", service_sid):
        raise TwilioError(21701, service_sid)
    if sender:
        _check_sender(exchange, sender, service_sid, recipient)
    return sender, service_sid


def _check_sender(exchange: Exchange, sender: str, service_sid: str | None, recipient: str) -> None:
    if sender in MAGIC_SENDERS:
        raise TwilioError(MAGIC_SENDERS[sender], sender)
    channel, _, number = sender.rpartition(":")
    owned = exchange.store.rows("SELECT service_sid FROM number WHERE number = ?", number)
    if not owned or (service_sid and owned[0][0] != service_sid):
        raise TwilioError(21606, sender)
    if channel != recipient.rpartition(":")[0]:
        raise TwilioError(21910)


def _content(exchange: Exchange, form: Fields) -> tuple[str, list[str]]:
    media_urls = form.all("MediaUrl")
    body = _from_template(exchange, form) or form.text("Body")
    if not body and not media_urls:
        raise TwilioError(21602)
    if len(body) > 1600:
        raise TwilioError(21617)
    if len(media_urls) > 10:
        raise TwilioError(21623)
    if not all(is_web_url(url) for url in media_urls):
        raise TwilioError(21620)
    return body, media_urls


def _from_template(exchange: Exchange, form: Fields) -> str | None:
    content_sid, variables = form.text("ContentSid"), form.text("ContentVariables")
    if not content_sid:
        if variables:
            raise TwilioError(21654)
        return None
    stored = exchange.store.value("SELECT fields FROM content WHERE sid = ?", content_sid)
    if stored is None:
        raise TwilioError(21655, content_sid)
    content = json.loads(stored)
    values = {**content.get("variables", {}), **_variables(variables)}
    body = next((str(kind["body"]) for kind in content["types"].values() if "body" in kind), "")
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: str(values.get(found[1], "")), body)


def _variables(text: str) -> dict[str, object]:
    try:
        values = json.loads(text or "{}")
    except ValueError:
        raise TwilioError(21656) from None
    if not isinstance(values, dict):
        raise TwilioError(21656)
    return values


def _status_callback(exchange: Exchange, form: Fields, service_sid: str | None) -> str | None:
    url = form.text("StatusCallback")
    if url and not is_web_url(url):
        raise TwilioError(21609, url)
    if url or not service_sid:
        return url or None
    fields = json.loads(exchange.store.value("SELECT fields FROM service WHERE sid = ?", service_sid))
    return fields.get("status_callback") or None


def is_web_url(url: str) -> bool:
    """Tell whether Twilio would call a URL: http(s), a host name without underscore, at most 4,000 characters."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and "_" not in host and len(url) <= 4_000


def _validity(form: Fields) -> int | None:
    text = form.text("ValidityPeriod")
    if text and not (text.isdecimal() and 1 <= int(text) <= 36_000):
        raise TwilioError(21624, text)
    return int(text) if text else None


def _send_at(exchange: Exchange, form: Fields, service_sid: str | None, now: float) -> float | None:
    schedule_type, text = form.text("ScheduleType"), form.text("SendAt")
    settings = exchange.faults.settings
    if not schedule_type:
        return None
    if schedule_type != "fixed":
        raise TwilioError(35126, schedule_type)
    if not text:
        raise TwilioError(35111)
    if not service_sid and settings.schedule_needs_service:
        raise TwilioError(35118)
    if not service_sid:
        return None  # as documented: the schedule is ignored and the text goes out at once
    send_at = _moment(text, lenient=settings.lenient_send_at)
    if not SOONEST_S <= send_at - now <= LATEST_S:
        raise TwilioError(35114)
    if exchange.store.holds_scheduled(settings.scheduled_cap):
        raise TwilioError(35125)
    return send_at


def _moment(text: str, *, lenient: bool) -> float:
    if not lenient and not SEND_AT.fullmatch(text):
        raise TwilioError(35114)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TwilioError(35114) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
