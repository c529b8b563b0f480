"""Texts of patients that no webhook brings, for tests: Twilio has them, the site does not."""

from reminder_site.sandbox.identity import SENDER_NUMBER
from reminder_site.sandbox.store import Message
from tests.texting import PHONE, sids


def took(sandbox, body, at, phone=PHONE, to=SENDER_NUMBER, service=None, sid=None):
    """A text that Twilio took at a moment and whose webhook was lost; returns its SID."""
    sid, seconds = sid or f"SM{next(sids):032x}", at.timestamp()
    kept = Message(sid, service, phone, to, body, "received", "inbound", 1, 0, None, None, False, seconds, seconds,
                   sent_at=seconds)  # fmt: skip
    sandbox.exchange.store.add(kept)
    return sid
