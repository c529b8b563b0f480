"""Message templates: an allow-list of {{fields}} filled in by a parser of our own, and the site's default texts.
Knows nothing of tables or sending; a template is data and never code."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Final

from reminder_site.domain import segments, wording_lint
from reminder_site.domain.text_safety import strip_controls

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "clinic": "the clinic's name",
    "first_name": "the patient's first name",
    "day": "weekday and date, such as Tue 3 Mar",
    "time": "the time at the clinic, such as 2:30pm",
    "place": "the short address",
    "phone": "the clinic's phone number",
    "link": "the patient's own page",
    "clinician": "who the patient will see",
}
SAMPLE: Final[Mapping[str, str]] = {
    "clinic": "Elm Clinic",
    "first_name": "Ann",
    "day": "Wed 30 Sep",
    "time": "10:30am",
    "place": "12 High St",
    "phone": "020 7946 0000",
    "link": "https://elm.example/m/Qw3rTy7uIoPa",
    "clinician": "Dr Lee",
}
DAYS_WITHOUT_YEAR: Final = 300
LONGEST: Final = 1_600  # characters in the longest text Twilio carries
# Nobody can save longer ones: models.Patient.first_name, models.Clinic.text_name … A link has its address before it.
LONGEST_LENGTHS: Final[Mapping[str, int]] = {
    "clinic": 30,
    "first_name": 80,
    "day": 15,
    "time": 7,
    "place": 40,
    "phone": 32,
    "link": 120,
    "clinician": 80,
}
LONGEST_VALUES: Final[Mapping[str, str]] = {name: "x" * length for name, length in LONGEST_LENGTHS.items()}

DEFAULT_TEMPLATES: Final[Mapping[str, str]] = {
    "confirmation": (
        "{{clinic}}: {{first_name}}, your appointment is {{day}} {{time}}, {{place}}. "
        "Reply 1 = yes, 2 = change, 3 = can't come, or open {{link}} or call {{phone}}. STOP ends texts"
    ),
    "reminder_ask": (
        "{{clinic}}: {{first_name}}, we expect you {{day}} {{time}}, {{place}}. "
        "Reply 1 = yes, 2 = change, 3 = can't come, or open {{link}} or call {{phone}}. STOP ends texts"
    ),
    "reminder_short": (
        "{{clinic}}: {{first_name}}, see you {{day}} {{time}}, {{place}}. "
        "If you can't come, reply 3 or call {{phone}}. STOP ends texts"
    ),
    "moved": (
        "{{clinic}}: {{first_name}}, your new time is {{day}} {{time}}, {{place}}. "
        "Reply 1 = yes, 2 = change, 3 = can't come, or open {{link}} or call {{phone}}. STOP ends texts"
    ),
    "cancelled": (
        "{{clinic}}: {{first_name}}, your appointment on {{day}} {{time}} will not take place. "
        "For another time call {{phone}}. STOP ends texts"
    ),
    "still_on": (
        "{{clinic}}: {{first_name}}, please ignore our last text. Your appointment is still on: "
        "{{day}} {{time}}, {{place}}. {{phone}}. STOP ends texts"
    ),
    "confirmed_reply": (
        "{{clinic}}: thank you, see you {{day}} {{time}}, {{place}}. If plans change, reply 2 or 3 or call {{phone}}"
    ),
    "change_reply": (
        "{{clinic}}: thank you, we will be in touch about another time. "
        "Until then {{day}} {{time}} is kept for you. {{phone}}"
    ),
    "cannot_come_reply": (
        "{{clinic}}: thank you for letting us know you can't come {{day}} {{time}}. "
        "For another time call {{phone}}. Sent by mistake? Reply 1"
    ),
    "help_reply": (
        "{{clinic}}: texts about your appointments. Reply 1 = yes, 2 = change, 3 = can't come, "
        "or call {{phone}}. STOP ends texts"
    ),
    "unclear_reply": (
        "{{clinic}}: thank you, somebody will read this. To answer at once, reply 1 = yes, 2 = change, "
        "3 = can't come, or call {{phone}}"
    ),
    "which_one_reply": (
        "{{clinic}}: thank you. You have several appointments with us, so somebody will read this "
        "and be in touch about which one you mean. Or call {{phone}}"
    ),
}
# As the site wrote them before they carried the patient's link, one segment each; clinics of that time may keep them.
WITHOUT_LINK: Final[Mapping[str, str]] = {
    kind: DEFAULT_TEMPLATES[kind].replace(", or open {{link}} or call {{phone}}.", ". {{phone}}.")
    for kind in ("confirmation", "reminder_ask", "moved")
}

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"help_reply": ("clinic", "phone")}  # what carriers ask of HELP

_FIELD: Final = re.compile(r"\{\{ *([A-Za-z_]+) *\}\}")
# An empty value takes the comma or blank before it along: "at 2:30pm, {{place}}." becomes "at 2:30pm.".
_FIELD_AND_LEAD: Final = re.compile(r"(,? ?)" + _FIELD.pattern)
_STRAY: Final = re.compile(r"\{+[^{}]{0,30}\}*|[^{}]{0,30}\}+")
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Preview:
    """A text as it will be sent, its segments, and what the desk should know about it."""

    text: str
    segments: segments.Segments
    notes: tuple[str, ...]


def render(template: str, values: Mapping[str, str]) -> str:
    """Fills the known fields once and leaves everything else as it stands; raises KeyError for a value not given."""
    return strip_controls(_FIELD_AND_LEAD.sub(lambda field: _filled(field, values), template))


@lru_cache(maxsize=1_000)
def fields_of(template: str) -> tuple[str, ...]:
    """List the fields a template names, in their order."""
    return tuple(name for name in _FIELD.findall(template) if name in PLACEHOLDERS)


def without_fields(template: str) -> str:
    """Return the words of a template that are the same in every text."""
    return _FIELD.sub(" ", template)


def check(template: str, kind: str = "") -> list[str]:
    """Lists in words what keeps a template from being used for a kind of text; empty when nothing does."""
    if not template.strip():
        return ["Write the text to be sent."]
    missing = [f"{{{{{name}}}}}" for name in NEEDED.get(kind, ()) if name not in fields_of(template)]
    if missing:
        return [f"Whoever asks for help has to learn who texts and where to call: keep {' and '.join(missing)}."]
    unknown = [name for name in _FIELD.findall(template) if name not in PLACEHOLDERS]
    problems = [f"“{{{{{name}}}}}” is not a field. {_fields_in_words()}" for name in dict.fromkeys(unknown)]
    rest = _FIELD.sub("", template)
    problems += [f"The braces in “{stray}” do not make a field. {_fields_in_words()}" for stray in _STRAY.findall(rest)]
    if strip_controls(template) != template.replace("\r\n", "\n").replace("\r", "\n"):
        problems.append("There are hidden control characters in the text; please type it again.")
    longest = len(template) if problems else len(render(template, LONGEST_VALUES))
    if longest > LONGEST:
        problems.append(
            f"With the longest names the text would have {longest:,} characters; at most {LONGEST:,} can be sent."
        )
    return problems


def carries_link(template: str) -> bool:
    """Say whether a wording has the patient's link in it."""
    return "link" in fields_of(template)


def warn(template: str) -> list[str]:
    """Lists in words what a manager should think about before using a template; nothing here forbids it."""
    return wording_lint.warnings(template) + list(preview(template, SAMPLE).notes)


def preview(template: str, values: Mapping[str, str], smart: bool = False) -> Preview:
    """Renders a text and says which value or character makes it cost more than one segment."""
    text = render(template, values)
    counted = segments.count(text, smart)
    return Preview(text, counted, tuple(_notes(template, values, counted, smart)))


def day_of(day: date, read_on: date) -> str:
    """Writes a day at the clinic as a text that is read on another one has it: "Tue 3 Mar".

    A day of another calendar year, or more than 300 days off, has its year: "Tue 2 Mar 2027".
    """
    words = f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"
    plain = day.year == read_on.year and abs((day - read_on).days) <= DAYS_WITHOUT_YEAR
    return words if plain else f"{words} {day.year}"


def time_of(local: datetime | time) -> str:
    """Writes a wall-clock time at the clinic as a text has it: "2:30pm"."""
    return f"{local.hour % 12 or 12}:{local.minute:02}{'am' if local.hour < 12 else 'pm'}"


def _filled(field: re.Match[str], values: Mapping[str, str]) -> str:
    lead, name = field.groups()
    if name not in PLACEHOLDERS:
        return field.group()
    value = values[name]
    return lead + value if value else ""


def _notes(template: str, values: Mapping[str, str], counted: segments.Segments, smart: bool) -> list[str]:
    if counted.reason is None:
        return [f"This text takes {counted.segments} segments."] if counted.segments > 1 else []
    sources = [
        f"the {name.replace('_', ' ')}" for name, value in values.items() if _is_odd(template, name, value, smart)
    ]
    if _odd(_FIELD.sub("", template), smart):
        sources.append("the wording")
    where = " and ".join(sources)
    taken = "1 segment" if counted.segments == 1 else f"{counted.segments} segments"
    return [f"{counted.reason}. It is in {where}; this text takes {taken}."]


def _is_odd(template: str, name: str, value: str, smart: bool) -> bool:
    return name in _FIELD.findall(template) and _odd(value, smart)


def _odd(text: str, smart: bool) -> bool:
    return bool(segments.offending(segments.smarten(text) if smart else text))


def _fields_in_words() -> str:
    return "The fields are " + ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS) + "."
