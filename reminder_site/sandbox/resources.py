"""What the 2010 API shows of a message and its media: the JSON of Twilio's resources, field by field."""

from typing import Any

from reminder_site.sandbox.clock import rfc2822
from reminder_site.sandbox.store import Message

ERROR_WORDS = {
    21610: "Attempt to send to unsubscribed recipient",
    21704: "The Messaging Service contains no phone numbers",
    30001: "Queue overflow",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30034: "Message from an Unregistered Number",
    30036: "Validity Period Expired",
}
PRICED = ("sent", "delivered", "undelivered")


def account_path(account_sid: str) -> str:
    """Give the path under which everything of an account lives."""
    return f"/2010-04-01/Accounts/{account_sid}"


def message_resource(message: Message, account_sid: str) -> dict[str, Any]:
    """Give a message as Twilio's Message resource. It has no `send_at`: Twilio does not tell it either."""
    home = f"{account_path(account_sid)}/Messages/{message.sid}"
    priced = message.status in PRICED and not message.inbound
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": rfc2822(message.created_at),
        "date_sent": rfc2822(message.sent_at) if message.sent_at else None,
        "date_updated": rfc2822(message.updated_at),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": ERROR_WORDS.get(message.error_code or 0, "Unknown error") if message.error_code else None,
        "from": message.sender,
        "messaging_service_sid": message.service_sid,
        "num_media": str(message.num_media),
        "num_segments": str(message.num_segments),
        "price": f"-{0.0079 * message.num_segments:.5f}" if priced else None,
        "price_unit": "USD" if priced else None,
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{home}/Media.json"},
        "to": message.recipient,
        "uri": f"{home}.json",
    }


def media_resource(row: tuple[str, str, str, str, float], account_sid: str) -> dict[str, Any]:
    """Give a row of the media table as Twilio's Media resource."""
    sid, message_sid, content_type, _, created_at = row
    return {
        "account_sid": account_sid,
        "content_type": content_type,
        "date_created": rfc2822(created_at),
        "date_updated": rfc2822(created_at),
        "parent_sid": message_sid,
        "sid": sid,
        "uri": f"{account_path(account_sid)}/Messages/{message_sid}/Media/{sid}.json",
    }
