"""Reads at Twilio the account, its Messaging Services, their senders and registration; changes nothing there."""

from typing import Any

from reminder_site.domain.phones import is_toll_free_us
from reminder_site.domain.twilio_account import Account, Registration, Sender, Service
from reminder_site.gateways.sms import Sms, SmsError

MOST_NUMBERS = 50  # each has its own webhook and verification: a pool is looked at up to here


def account(sms: Sms, sid: str) -> Account:
    """Read the account; raises SmsError."""
    found = sms.ask(lambda client: client.api.v2010.accounts(sid).fetch())
    return Account(str(found.status or ""), str(found.type or ""))


def service(sms: Sms, sid: str) -> Service | None:
    """Read a Messaging Service with all that hangs on it; None when there is none; raises SmsError."""
    try:
        found = sms.ask(lambda client: client.messaging.v1.services(sid).fetch())
    except SmsError as error:
        if error.code == 20404:
            return None
        raise
    by_numbers = bool(found.use_inbound_webhook_on_number)
    return Service(
        sid=sid,
        name=str(found.friendly_name or ""),
        inbound_url=str(found.inbound_request_url or ""),
        inbound_method=str(found.inbound_method or ""),
        fallback_url=str(found.fallback_url or ""),
        leaves_it_to_numbers=by_numbers,
        senders=(*_numbers(sms, sid, by_numbers), *_others(sms, sid)),
        campaigns=_campaigns(sms, sid),
        brands=_brands(sms),
    )


def _numbers(sms: Sms, sid: str, by_numbers: bool) -> tuple[Sender, ...]:
    pool = sms.ask(lambda client: client.messaging.v1.services(sid).phone_numbers.list(limit=MOST_NUMBERS))
    return tuple(_number(sms, each, by_numbers) for each in pool)


def _number(sms: Sms, pooled: Any, by_numbers: bool) -> Sender:
    name, country = str(pooled.phone_number), str(pooled.country_code or "")
    toll_free = is_toll_free_us(name)
    webhook = ""
    if by_numbers:
        webhook = str(sms.ask(lambda client: client.incoming_phone_numbers(pooled.sid).fetch()).sms_url or "")
    verification = _verification(sms, pooled.sid) if toll_free else None
    return Sender(name, "toll-free" if toll_free else "long code", country, webhook, verification)


def _others(sms: Sms, sid: str) -> tuple[Sender, ...]:
    codes = sms.ask(lambda client: client.messaging.v1.services(sid).short_codes.list(limit=MOST_NUMBERS))
    words = sms.ask(lambda client: client.messaging.v1.services(sid).alpha_senders.list(limit=MOST_NUMBERS))
    short = tuple(Sender(str(each.short_code), "short code", str(each.country_code or "")) for each in codes)
    return short + tuple(Sender(str(each.alpha_sender), "alphanumeric", "") for each in words)


def _verification(sms: Sms, number_sid: str) -> Registration:
    asked = {"tollfree_phone_number_sid": number_sid, "limit": 5}
    found = sms.ask(lambda client: client.messaging.v1.tollfree_verifications.list(**asked))
    if not found:
        return Registration("toll-free verification", "")
    return Registration("toll-free verification", str(found[0].status or ""), str(found[0].rejection_reason or ""))


def _campaigns(sms: Sms, sid: str) -> tuple[Registration, ...]:
    found = sms.ask(lambda client: client.messaging.v1.services(sid).us_app_to_person.list(limit=5))
    return tuple(Registration("10DLC campaign", str(each.campaign_status or ""), _why(each.errors)) for each in found)


def _brands(sms: Sms) -> tuple[Registration, ...]:
    found = sms.ask(lambda client: client.messaging.v1.brand_registrations.list(limit=5))
    return tuple(Registration("10DLC brand", str(each.status or ""), _why(each.errors)) for each in found)


def _why(errors: Any) -> str:
    """Put what a registration was refused for into one line."""
    if not isinstance(errors, list):
        return ""
    said = [str(each.get("description") or each.get("error_code") or "") for each in errors if isinstance(each, dict)]
    return " ".join(words for words in said if words)
