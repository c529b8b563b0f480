"""The Messages API: create, fetch, change and delete one text. Lists are in listing.py."""

import mimetypes

from reminder_site.sandbox.clock import rfc2822
from reminder_site.sandbox.errors import TwilioError
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import new_sid
from reminder_site.sandbox.resources import account_path, media_resource, message_resource
from reminder_site.sandbox.segments import count_segments
from reminder_site.sandbox.store import Message
from reminder_site.sandbox.validate import Accepted, check_create
from reminder_site.sandbox.wire import Request, Response, as_json

FINAL = ("sent", "delivered", "undelivered", "failed", "canceled", "read", "received")
EARLY_WAIT_S = 10.0


def create(exchange: Exchange, request: Request) -> Response:
    """Accept a text; it moves on only after the answer has been written, unless callbacks are to come early."""
    now = exchange.clock.now()
    with exchange.store.transaction():
        accepted = check_create(exchange, request.form, now=now)
        message = _new_message(accepted, request, now)
        if message.status != "scheduled":
            exchange.dispatcher.hold()
        exchange.store.add(message)
        add_media(exchange, message, accepted.media_urls)
    answer = as_json(message_resource(message, exchange.who.account_sid), 201)
    if message.status == "scheduled":
        exchange.dispatcher.wake()
    elif exchange.faults.chance("early"):
        exchange.dispatcher.release(message)
        exchange.dispatcher.run_due()
        exchange.callbacks.wait_for(message.sid, EARLY_WAIT_S)
    else:
        answer.after = lambda: exchange.dispatcher.release(message)
    return answer


def _new_message(accepted: Accepted, request: Request, now: float) -> Message:
    status = "scheduled" if accepted.send_at is not None else "accepted" if accepted.service_sid else "queued"
    return Message(
        sid=new_sid("MM" if accepted.media_urls else "SM"),
        service_sid=accepted.service_sid,
        sender=accepted.sender,
        recipient=accepted.recipient,
        body=accepted.body,
        status=status,
        direction="outbound-api",
        num_segments=0 if accepted.service_sid else count_segments(accepted.body),
        num_media=len(accepted.media_urls),
        error_code=None,
        status_callback=accepted.status_callback,
        wants_feedback=request.form.says("ProvideFeedback"),
        created_at=now,
        updated_at=now,
        send_at=accepted.send_at,
        next_at=accepted.send_at,
        valid_s=accepted.valid_s,
    )


def add_media(exchange: Exchange, message: Message, urls: list[str]) -> None:
    """Keep where the media of a text are."""
    for url in urls:
        kind = mimetypes.guess_type(url.partition("?")[0])[0] or "image/jpeg"
        exchange.store.rows(
            "INSERT INTO media VALUES (?, ?, ?, ?, ?)", new_sid("ME"), message.sid, kind, url, message.created_at
        )


def find(exchange: Exchange, request: Request, sid: str) -> Message:
    """Give a message or raise Twilio's 20404."""
    message = exchange.store.message(sid)
    if message is None:
        raise TwilioError(20404, request.path)
    return message


def fetch(exchange: Exchange, request: Request, sid: str) -> Response:
    """Show one text."""
    return as_json(message_resource(find(exchange, request, sid), exchange.who.account_sid))


def update(exchange: Exchange, request: Request, sid: str) -> Response:
    """Cancel a scheduled text or empty the body of a finished one; nothing else about a text can change."""
    form = request.form
    with exchange.store.transaction():
        message = find(exchange, request, sid)
        if form.get("Status") is not None:
            _cancel(exchange, message, form.text("Status"))
        elif form.get("Body") == "":
            _redact(exchange, message)
        else:
            raise TwilioError(20422, "Body")
    return as_json(message_resource(message, exchange.who.account_sid))


def _cancel(exchange: Exchange, message: Message, status: str) -> None:
    if status != "canceled":
        raise TwilioError(20422, "Status")
    if message.status != "scheduled":
        raise TwilioError(30409)
    message.status, message.next_at, message.updated_at = "canceled", None, exchange.clock.now()
    exchange.store.update(message)
    exchange.dispatcher.announce(message)


def _redact(exchange: Exchange, message: Message) -> None:
    if message.status not in FINAL:
        raise TwilioError(20009)
    message.body, message.updated_at = "", exchange.clock.now()
    exchange.store.update(message)


def delete(exchange: Exchange, request: Request, sid: str) -> Response:
    """Forget a finished text."""
    with exchange.store.transaction():
        if find(exchange, request, sid).status not in FINAL:
            raise TwilioError(20009)
        exchange.store.rows("DELETE FROM message WHERE sid = ?", sid)
        exchange.store.rows("DELETE FROM media WHERE message_sid = ?", sid)
    return Response(204)


def feedback(exchange: Exchange, request: Request, sid: str) -> Response:
    """Take note whether the patient acted on a text that was created with ProvideFeedback."""
    message, outcome, now = (
        find(exchange, request, sid),
        request.form.text("Outcome") or "confirmed",
        exchange.clock.now(),
    )
    if outcome not in ("confirmed", "unconfirmed") or not message.wants_feedback:
        raise TwilioError(20422, "Outcome")
    exchange.store.rows("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?)", sid, outcome, now)
    return as_json(
        {
            "account_sid": exchange.who.account_sid,
            "date_created": rfc2822(now),
            "date_updated": rfc2822(now),
            "message_sid": sid,
            "outcome": outcome,
            "uri": f"{account_path(exchange.who.account_sid)}/Messages/{sid}/Feedback.json",
        }
    )


def fetch_media(exchange: Exchange, request: Request, message_sid: str, sid: str) -> Response:
    """Show one piece of media."""
    rows = exchange.store.rows("SELECT * FROM media WHERE message_sid = ? AND sid = ?", message_sid, sid)
    if not rows:
        raise TwilioError(20404, request.path)
    return as_json(media_resource(rows[0], exchange.who.account_sid))


def delete_media(exchange: Exchange, request: Request, message_sid: str, sid: str) -> Response:
    """Forget one piece of media."""
    fetch_media(exchange, request, message_sid, sid)
    exchange.store.rows("DELETE FROM media WHERE sid = ?", sid)
    return Response(204)
