"""Phone numbers as people type them, as they are stored (E.164) and as they are shown.
Owns which kinds can be texted; knows nothing of patients or opt-outs."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult, timezone

from reminder_site.domain import zones

_KINDS: Final = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "landline or mobile",
    PhoneNumberType.VOIP: "internet phone",
    PhoneNumberType.FIXED_LINE: "landline",
    PhoneNumberType.TOLL_FREE: "toll-free",
    PhoneNumberType.PREMIUM_RATE: "premium rate",
    PhoneNumberType.SHARED_COST: "shared cost",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
TEXTABLE: Final = frozenset({"mobile", "landline or mobile", "internet phone"})
_CANNOT_TEXT: Final = {
    "landline": "This is a landline, and a landline cannot get texts; leave the number out or use a mobile.",
    "toll-free": "This is a toll-free number, which cannot get our texts; leave it out or use a mobile.",
    "premium rate": "This is a premium-rate number; texts to it are expensive and are not sent. Use a mobile.",
    "shared cost": "This is a shared-cost number, which cannot get our texts; leave it out or use a mobile.",
    "personal": "This is a call-forwarding number, which cannot get our texts; leave it out or use a mobile.",
    "pager": "This is a pager, which cannot get our texts; leave it out or use a mobile.",
    "company": "This is a company switchboard number, which cannot get our texts; leave it out or use a mobile.",
    "voicemail": "This is a voicemail number, which cannot get our texts; leave it out or use a mobile.",
}
_CHANNEL_ADDRESS: Final = re.compile(r"(?:[A-Za-z]+:)?(\+[0-9]{6,15})", re.ASCII)
_TOLL_FREE_US: Final = re.compile(r"\+18(?:00|33|44|55|66|77|88)[0-9]{7}", re.ASCII)
_FICTIONAL: Final = re.compile(r"\+1[2-9][0-9]{2}55501[0-9]{2}", re.ASCII)
_WRITABLE: Final = re.compile(r"\(?\+?[\d ()/.-]+")
_DIGITS_WANTED: Final = 3
_DIGITS_AT_MOST: Final = 20


@dataclass(frozen=True)
class Phone:
    """One valid number; `region` is the two-letter country it belongs to."""

    e164: str
    national: str
    international: str
    kind: str
    region: str


class PhoneRefused(ValueError):
    """Says in words why a typed number was not taken; `suggestion` is what was probably meant, if clear."""

    def __init__(self, words: str, reason: str, suggestion: str | None = None) -> None:
        super().__init__(words)
        self.words, self.reason, self.suggestion = words, reason, suggestion


def read(typed: str, region: str) -> Phone:
    """Reads a number that is to get texts; raises PhoneRefused also when its kind cannot be texted."""
    phone = parse(typed, region)
    if phone.kind not in TEXTABLE:
        raise PhoneRefused(_CANNOT_TEXT.get(phone.kind, _CANNOT_TEXT["company"]), phone.kind)
    return phone


def number_in(address: str) -> str:
    """Return the number in an address of any channel (whatsapp:+…, rcs:+…): an opt-out is for all of them.

    An address without a number in it, as that of an RCS agent, stays as it is.
    """
    found = _CHANNEL_ADDRESS.fullmatch(address.strip())
    return found[1] if found else address


def is_fictional(e164: str) -> bool:
    """Say whether a number belongs to nobody, as those of the demo's patients.

    Source: North American Numbering Plan, 555-0100 to 555-0199 of each area code are kept for fiction.
    """
    return _FICTIONAL.fullmatch(e164) is not None


def is_toll_free_us(e164: str) -> bool:
    """Say whether a number is one of the toll-free ones of the United States and Canada.

    Source: North American Numbering Plan, service codes 800 to 888.
    """
    return _TOLL_FREE_US.fullmatch(e164) is not None


@lru_cache(maxsize=10_000)
def zones_of(e164: str) -> tuple[str, ...]:
    """Return the time zones a number may be at home in, as its prefix says; empty when it says nothing.

    Source: the time-zone data of libphonenumber. People keep their numbers when they move.
    """
    number = _number(e164, "")
    found = timezone.time_zones_for_number(number) if number is not None else ()
    return tuple(sorted({zones.canonical(name) for name in found if zones.known(name)}))


def parse(typed: str, region: str) -> Phone:
    """Reads a number of any kind as somebody in `region` types it; raises PhoneRefused."""
    text = _tidy(typed)
    _refuse_unwritable(text)
    for attempt in dict.fromkeys((text, _with_plus_for_00(text))):
        number = _number(attempt, region)
        if number is not None and phonenumbers.is_valid_number(number):
            return _phone(number)
    raise _refusal(text, region)


@lru_cache(maxsize=10_000)
def show(e164: str, region: str) -> str:
    """Writes a stored number as people in `region` write it: nationally at home, else with its country code."""
    number = _number(e164, None)
    if number is None:
        return e164
    at_home = phonenumbers.region_code_for_number(number) == region
    return phonenumbers.format_number(
        number, PhoneNumberFormat.NATIONAL if at_home else PhoneNumberFormat.INTERNATIONAL
    )


def dialled(shown: str, region: str) -> str:
    """Writes a number as a telephone dials it: E.164 where it can be read, else the bare digits."""
    number = _number(_tidy(shown), region)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if number else re.sub(r"[^+\d]", "", shown)


def last_two(e164: str) -> str:
    """Gives the last two digits, all that a log may hold of a number."""
    return e164[-2:]


def digits_fragment(text: str) -> str | None:
    """Gives the digits by which a typed piece of a number is found inside E.164, or None if it is not such a piece."""
    tidy = _tidy(text)
    if not _WRITABLE.fullmatch(tidy):
        return None
    digits = re.sub(r"\D", "", tidy.replace("(0)", "")).lstrip("0")
    return digits if len(digits) >= _DIGITS_WANTED else None


@lru_cache(maxsize=1)
def country_choices() -> tuple[tuple[str, str], ...]:
    """Lists (code, English name) of every country whose numbers can be read, by name."""
    named = ((code, name) for code, name in _country_names().items() if code in phonenumbers.SUPPORTED_REGIONS)
    return tuple(sorted(named, key=lambda choice: choice[1]))


@lru_cache(maxsize=1)
def _country_names() -> dict[str, str]:
    """Reads the country table that ships with the zone data."""
    table = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {code: name for code, name in rows} | {"XK": "Kosovo"}


def _tidy(typed: str) -> str:
    """Drops invisible characters and writes any kind of digit, dash and blank as the plain one."""
    text = "".join(_plain(ch) for ch in unicodedata.normalize("NFKC", typed))
    return re.sub(r" +", " ", text).strip().removeprefix("tel:").strip()


def _plain(ch: str) -> str:
    kind = unicodedata.category(ch)
    if kind == "Nd":
        return str(unicodedata.digit(ch))
    if kind == "Pd" or ch == "\u2212":
        return "-"
    if ch.isspace():
        return " "
    return "" if kind == "Cf" else ch


def _refuse_unwritable(text: str) -> None:
    if not re.search(r"\w", text):
        raise PhoneRefused("Type a phone number.", "empty")
    if any(ch.isalpha() for ch in text):
        raise PhoneRefused("A phone number has no letters; type the digits, without names or extensions.", "letters")
    if not _WRITABLE.fullmatch(text) or ".." in text or text.endswith("."):
        raise PhoneRefused("Use only digits, blanks, dashes and brackets, with a + in front if you like.", "characters")
    if sum(ch.isdigit() for ch in text) > _DIGITS_AT_MOST:
        raise PhoneRefused("This is too long for a phone number.", "too long")


def _with_plus_for_00(text: str) -> str:
    """Reads 00 as the way to dial abroad wherever the clinic is, also where it is dialled otherwise."""
    return re.sub(r"^\(?\+?\s*0\s*0", "+", text)


def _number(text: str, region: str | None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _phone(number: PhoneNumber) -> Phone:
    return Phone(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        national=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        international=phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        kind=_KINDS.get(phonenumbers.number_type(number), "unknown"),
        region=phonenumbers.region_code_for_number(number) or "",
    )


def _refusal(text: str, region: str) -> PhoneRefused:
    """Finds the words for a number that is not valid: what is wrong and what a right one looks like."""
    abroad = _read_as_foreign(text)
    if abroad:
        words = (
            f"This is not a number of {_country(region)}. If you mean another country's, write it with a +: {abroad}."
        )
        return PhoneRefused(words, "needs plus", abroad)
    number = _number(_with_plus_for_00(text), region)
    if number is None:
        return PhoneRefused("This is not a phone number. " + _advice(text, region), "impossible")
    home = (
        phonenumbers.region_code_for_country_code(number.country_code or 0) if text.startswith(("+", "00")) else region
    )
    words, reason = _length_words(phonenumbers.is_possible_number_with_reason(number), _country(home))
    return PhoneRefused(f"{words} {_advice(text, home)}", reason)


def _length_words(result: int, country: str) -> tuple[str, str]:
    if result == ValidationResult.TOO_SHORT:
        return f"This is too short for a number of {country}.", "too short"
    if result == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        return f"This is too short for a number of {country}: the area code is missing.", "too short"
    if result == ValidationResult.TOO_LONG:
        return f"This is too long for a number of {country}.", "too long"
    return f"No number of {country} looks like this; please check the digits.", "impossible"


def _read_as_foreign(text: str) -> str | None:
    """Reads digits without + or trunk 0 as a number that begins with its country code."""
    number = None if text.startswith(("+", "(+", "0", "(0")) else _number("+" + text, None)
    valid = number is not None and phonenumbers.is_valid_number(number)
    return _phone(number).international if number is not None and valid else None


def _advice(text: str, region: str) -> str:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if text.startswith("+") or example is None:
        return "Write + and the country code, then the number."
    shown = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
    return f"A mobile there looks like {shown}; a number of another country starts with +."


def _country(region: str) -> str:
    return _country_names().get(region, region)
