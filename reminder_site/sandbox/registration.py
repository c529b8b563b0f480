"""What the United States want registered: brand and campaign of long codes (10DLC), verification of toll-free numbers.

Each stands as the switchboard says; an empty status means that nothing was registered.
"""

from typing import Any

from reminder_site.sandbox.clock import iso
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.senders import base_url, list_page, service_row
from reminder_site.sandbox.wire import Request, Response

BRAND_SID, CAMPAIGN_SID, VERIFICATION_SID = "BN" + "5a" * 16, "QE" + "5a" * 16, "HH" + "5a" * 16


def list_campaigns(exchange: Exchange, request: Request, service_sid: str) -> Response:
    """Show the campaign of a Messaging Service, if it has one."""
    service_row(exchange, request, service_sid)
    home = f"{base_url(request, 'messaging')}/v1/Services/{service_sid}/Compliance/Usa2p"
    status = exchange.faults.settings.campaign_status
    more = {
        "sid": CAMPAIGN_SID,
        "brand_registration_sid": BRAND_SID,
        "messaging_service_sid": service_sid,
        "campaign_status": status,
        "us_app_to_person_usecase": "LOW_VOLUME",
        "errors": [_refused(30896, "The message flow does not say how patients agree.")] if status == "FAILED" else [],
    }
    return list_page(request, home, "compliance", [_made(exchange, more, home)] if status else [])


def list_brands(exchange: Exchange, request: Request) -> Response:
    """Show the account's brand, if it has one."""
    home, status = f"{base_url(request, 'messaging')}/v1/a2p/BrandRegistrations", exchange.faults.settings.brand_status
    more = {"sid": BRAND_SID, "brand_type": "STANDARD", "status": status, "errors": []}
    return list_page(request, home, "data", [_made(exchange, more, home)] if status else [])


def list_verifications(exchange: Exchange, request: Request) -> Response:
    """Show the verifications of toll-free numbers, or of the one that is asked for."""
    home, status = (
        f"{base_url(request, 'messaging')}/v1/Tollfree/Verifications",
        exchange.faults.settings.tollfree_status,
    )
    wanted = request.query.text("TollfreePhoneNumberSid")
    rows = exchange.store.rows("SELECT sid, number FROM number WHERE ? IN ('', sid) AND number LIKE '+18%'", wanted)
    reason = "The opt-in cannot be seen." if status == "TWILIO_REJECTED" else None
    found = [
        {"sid": VERIFICATION_SID, "tollfree_phone_number_sid": sid, "tollfree_phone_number": number, "status": status}
        | {"rejection_reason": reason, "edit_allowed": True}
        for sid, number in rows
    ]
    return list_page(request, home, "verifications", [_made(exchange, one, home) for one in found] if status else [])


def _made(exchange: Exchange, more: dict[str, Any], home: str) -> dict[str, Any]:
    made = iso(exchange.clock.now())
    fixed = {"account_sid": exchange.who.account_sid, "date_created": made, "date_updated": made}
    return fixed | more | {"url": f"{home}/{more['sid']}"}


def _refused(code: int, words: str) -> dict[str, Any]:
    return {"error_code": code, "description": words, "fields": ["MESSAGE_FLOW"]}
