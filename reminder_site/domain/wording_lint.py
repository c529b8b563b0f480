"""What a template had better not say in a text that anybody may see on a locked screen.
Owns the word lists; only warns, and knows nothing of fields or segments."""

import re
from collections.abc import Iterable
from typing import Final

_MEDICAL: Final = re.compile(
    r"""\b(?:diagnos\w*|test\ results?|results?|biops\w*|cancer|tumou?r|oncolog\w*|chemo\w*|radiolog\w*|
    mammogra\w*|hiv|aids|sti|std|sexual\w*|pregnan\w*|abortion\w*|fertility|gyna?ecolog\w*|psych\w*|
    depress\w*|anxiety|mental\ health|therap\w*|counsell?ing|addiction|rehab\w*|methadone|dialysis|surgery|
    surgical|operation|colonoscop\w*|endoscop\w*|vaccin\w*|prescri\w*|medications?|x-?ray|ultrasound|mri|scan|
    blood\ tests?|cardiolog\w*|dermatolog\w*|neurolog\w*|urolog\w*|pa?ediatric\w*|screening|smear|disease|
    disorder|symptoms?|treatments?)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_MONEY: Final = re.compile(
    r"[$£€]\s?\d[\d.,]*|\b\d[\d.,]*\s?(?:dollars?|euros?|pounds?|usd|eur|gbp)\b|\b(?:invoice|unpaid|overdue|co-?pay|debt)\b",
    re.IGNORECASE,
)
_OPT_OUT_WORDS: Final = "CANCEL|END|QUIT|STOPALL|UNSUBSCRIBE|REVOKE|OPTOUT"
_ASKS_FOR: Final = re.compile(
    rf"\b(?:reply|text|send|answer|respond|type)\b(?:\s+(?:with|back|by))?\s+[\"'“‘(]?({_OPT_OUT_WORDS})\b",
    re.IGNORECASE,
)
_SHOUTED: Final = re.compile(rf"\b({_OPT_OUT_WORDS})\b")
_STOP_FOR_OTHER_ENDS: Final = re.compile(
    r"\bSTOP\b[^.!?]{0,20}\b(?:cancel|change|reschedule|move|decline)\w*", re.IGNORECASE
)
_SHORTENER: Final = re.compile(
    r"\b(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|is\.gd|buff\.ly|rebrand\.ly|cutt\.ly|tiny\.cc|shorturl\.at|rb\.gy|t\.ly|"
    r"lnkd\.in|bl\.ink|s\.id|v\.gd)/\S*",
    re.IGNORECASE,
)


def warnings(template: str) -> list[str]:
    """Lists in words what may give away health matters, unsubscribe by mistake or be filtered by carriers."""
    return [*_privacy(template), *_opt_outs(template), *_links(template)]


def _privacy(template: str) -> Iterable[str]:
    for found in _distinct(_MEDICAL, template):
        yield f"“{found}” may tell others why the patient comes; a text should name no reason, specialty or result."
    for found in _distinct(_MONEY, template):
        yield f"“{found}” is about money; leave it to a call or a letter."


def _opt_outs(template: str) -> Iterable[str]:
    for word in dict.fromkeys([*_distinct(_ASKS_FOR, template), *_distinct(_SHOUTED, template)]):
        yield f"A reply of {word.upper()} unsubscribes the patient from every text; ask for 1, 2 or 3 instead."
    if _STOP_FOR_OTHER_ENDS.search(template):
        yield "A reply of STOP unsubscribes the patient from every text; it cannot change an appointment."


def _links(template: str) -> Iterable[str]:
    for found in _distinct(_SHORTENER, template):
        yield f"Carriers block shortened links such as {found}; use {{{{link}}}}, which is on your own address."


def _distinct(pattern: re.Pattern[str], text: str) -> list[str]:
    found = (match.group(match.lastindex or 0) for match in pattern.finditer(text))
    return list(dict.fromkeys(word.lower() for word in found))
