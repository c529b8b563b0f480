"""Lookup v2: what a number is, from the public numbering plan alone."""

from typing import Any

import phonenumbers

from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.senders import base_url
from reminder_site.sandbox.wire import Request, Response, as_json

Type = phonenumbers.PhoneNumberType
LINE_TYPES = {
    Type.FIXED_LINE: "landline",
    Type.MOBILE: "mobile",
    Type.FIXED_LINE_OR_MOBILE: "mobile",
    Type.TOLL_FREE: "tollFree",
    Type.PREMIUM_RATE: "premium",
    Type.SHARED_COST: "sharedCost",
    Type.VOIP: "nonFixedVoip",
    Type.PERSONAL_NUMBER: "personal",
    Type.PAGER: "pager",
    Type.UAN: "uan",
    Type.VOICEMAIL: "voicemail",
}
PACKAGES = (
    "caller_name", "sim_swap", "call_forwarding", "line_status", "line_type_intelligence", "identity_match",
    "reassigned_number", "sms_pumping_risk", "phone_number_quality_score", "pre_fill",
)  # fmt: skip
REASONS = {
    phonenumbers.ValidationResult.TOO_SHORT: "TOO_SHORT",
    phonenumbers.ValidationResult.TOO_LONG: "TOO_LONG",
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
    phonenumbers.ValidationResult.INVALID_LENGTH: "INVALID_LENGTH",
}


def fetch(exchange: Exchange, request: Request, typed: str) -> Response:
    """Tell about one number; a number that is none is told with its reason, as Twilio does."""
    url = f"{base_url(request, 'lookups')}/v2/PhoneNumbers/{typed}"
    empty: dict[str, Any] = dict.fromkeys(PACKAGES)
    try:
        number = phonenumbers.parse(typed, request.query.get("CountryCode"))
    except phonenumbers.NumberParseException:
        return as_json(_told(typed, url, None, ["NOT_A_NUMBER"]) | empty)
    valid = phonenumbers.is_valid_number(number)
    reason = REASONS.get(phonenumbers.is_possible_number_with_reason(number), "INVALID_BUT_POSSIBLE")
    if valid and "line_type_intelligence" in request.query.text("Fields").split(","):
        empty["line_type_intelligence"] = {
            "carrier_name": "Sandbox Mobile",
            "error_code": None,
            "mobile_country_code": None,
            "mobile_network_code": None,
            "type": LINE_TYPES.get(phonenumbers.number_type(number), "unknown"),
        }
    return as_json(_told(typed, url, number, None if valid else [reason]) | empty)


def _told(typed: str, url: str, number: phonenumbers.PhoneNumber | None, errors: list[str] | None) -> dict[str, Any]:
    national = number and phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return {
        "calling_country_code": str(number.country_code) if number else None,
        "country_code": phonenumbers.region_code_for_number(number) if number else None,
        "national_format": national,
        "phone_number": phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number else typed,
        "url": url,
        "valid": errors is None,
        "validation_errors": errors,
    }
