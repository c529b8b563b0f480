"""A patient texts: opt-out words first, then the customer's signed webhook, then the replies in its TwiML."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from urllib.parse import urljoin

from reminder_site.sandbox import optout
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import new_sid
from reminder_site.sandbox.messages import add_media
from reminder_site.sandbox.segments import count_segments
from reminder_site.sandbox.store import Message
from reminder_site.sandbox.webhooks import Answer, Caller

REDIRECTS = 5
UNREACHABLE = {"ct": 11205, "rt": 11200, "4xx": 11200, "5xx": 11200}


@dataclass(slots=True)
class Reply:
    """One text that a webhook's answer asks for."""

    body: str
    media_urls: list[str] = field(default_factory=list)
    to: str | None = None
    action: str | None = None


class UnknownSender(Exception):
    """The number texted belongs to nobody here."""


def receive(exchange: Exchange, sender: str, number: str, body: str, media: list[str]) -> tuple[Message, Answer]:
    """Take a text from a patient's phone; gives it, and what the webhook said. Raises UnknownSender."""
    with exchange.store.transaction():
        owner = exchange.store.rows("SELECT service_sid FROM number WHERE number = ?", number.rpartition(":")[2])
        if not owner:
            raise UnknownSender(number)
        now, service_sid = exchange.clock.now(), owner[0][0]
        message = _text(service_sid, sender, number, body, now, kind="inbound", media=len(media))
        message.sent_at = now
        exchange.store.add(message)
        add_media(exchange, message, media)
        own = exchange.faults.settings.opt_out_words
        word = optout.hear(exchange.store, service_sid or number, sender, body, own, at=now)
        if word:
            # Twilio's own answer goes out even to a number that has just been blocked.
            standing = _text(service_sid, number, sender, word, now, kind="outbound-reply")
            standing.status, standing.sent_at = "delivered", now
            exchange.store.add(standing)
    answer = _call_webhook(exchange, message, media)
    if answer.outcome != "ok":
        message.error_code = UNREACHABLE[answer.outcome]
        exchange.store.update(message)
    return message, answer


def _text(
    service_sid: str | None, sender: str, recipient: str, body: str, now: float, *, kind: str, media: int = 0
) -> Message:
    return Message(
        sid=new_sid("MM" if media else "SM"),
        service_sid=service_sid,
        sender=sender,
        recipient=recipient,
        body=body,
        status="received" if kind == "inbound" else "queued",
        direction=kind,
        num_segments=count_segments(body),
        num_media=media,
        error_code=None,
        status_callback=None,
        wants_feedback=False,
        created_at=now,
        updated_at=now,
    )


def _call_webhook(exchange: Exchange, message: Message, media: list[str]) -> Answer:
    kept = exchange.store.value("SELECT fields FROM service WHERE sid = ?", message.service_sid)
    fields = json.loads(kept) if kept else {"inbound_request_url": exchange.who.inbound_url}
    parameters = _parameters(exchange, message, media)
    urls = [fields.get("inbound_request_url"), fields.get("fallback_url")]
    if fields.get("use_inbound_webhook_on_number"):
        number = message.recipient.rpartition(":")[2]
        urls = [exchange.store.value("SELECT sms_url FROM number WHERE number = ?", number)]
    caller = Caller(exchange.who.auth_token)
    answer = Answer("ct")
    if exchange.faults.chance("inbound_lost"):
        return answer
    for url in filter(None, urls):
        answer, _ = caller.call(url, parameters)
        if exchange.faults.chance("doubled"):
            caller.call(url, parameters)
        if answer.outcome == "ok":
            _reply(exchange, message, _replies(caller, url, parameters, answer))
            break
    caller.close()
    return answer


def _parameters(exchange: Exchange, message: Message, media: list[str]) -> dict[str, str]:
    parameters = dict.fromkeys(("MessageSid", "SmsSid", "SmsMessageSid"), message.sid)
    parameters |= {
        "AccountSid": exchange.who.account_sid, "ApiVersion": "2010-04-01", "Body": message.body,
        "From": message.sender or "", "To": message.recipient, "NumMedia": str(len(media)),
        "NumSegments": str(message.num_segments), "SmsStatus": "received",
    }  # fmt: skip
    places = (f"{side}{part}" for side in ("From", "To") for part in ("City", "State", "Zip", "Country"))
    parameters |= dict.fromkeys(places, "")
    if message.service_sid:
        parameters["MessagingServiceSid"] = message.service_sid
    for index, url in enumerate(media):
        parameters |= {f"MediaUrl{index}": url, f"MediaContentType{index}": "image/jpeg"}
    kind = optout.kind_of(message.body, exchange.faults.settings.opt_out_words)
    if kind and exchange.faults.settings.advanced_opt_out:
        parameters["OptOutType"] = kind
    return parameters


def _replies(caller: Caller, url: str, parameters: dict[str, str], answer: Answer) -> list[Reply]:
    for _ in range(REDIRECTS):
        if answer.content_type == "text/plain":
            text = answer.body.decode("utf-8", "replace").strip()
            return [Reply(text)] if text else []
        redirect, replies = read_twiml(answer.body)
        if replies or not redirect:
            return replies
        url = urljoin(url, redirect)
        answer, _ = caller.call(url, parameters)
    return []


def read_twiml(document: bytes) -> tuple[str | None, list[Reply]]:
    """Read an answer in TwiML: where it redirects to, and the texts it asks for. What is not TwiML asks for nothing."""
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 (the answer of the site under test)
    except ElementTree.ParseError:
        return None, []
    redirect = root.findtext("Redirect") if root.tag == "Response" else None
    messages = root.findall("Message") if root.tag == "Response" else []
    return redirect and redirect.strip(), [_one_reply(element) for element in messages]


def _one_reply(element: ElementTree.Element) -> Reply:
    body = element.findtext("Body")
    return Reply(
        body=(element.text or "").strip() if body is None else body,
        media_urls=[media.text.strip() for media in element.findall("Media") if media.text],
        to=element.get("to"),
        action=element.get("action") or element.get("statusCallback"),
    )


def _reply(exchange: Exchange, cause: Message, replies: list[Reply]) -> None:
    now = exchange.clock.now()
    for reply in replies:
        if not reply.body and not reply.media_urls:
            continue
        recipient = reply.to or cause.sender or ""
        message = _text(
            cause.service_sid,
            cause.recipient,
            recipient,
            reply.body,
            now,
            kind="outbound-reply",
            media=len(reply.media_urls),
        )
        message.status = "accepted" if cause.service_sid else "queued"
        message.status_callback, message.next_at = reply.action, now
        with exchange.store.transaction():
            exchange.store.add(message)
            add_media(exchange, message, reply.media_urls)
    exchange.dispatcher.wake()
