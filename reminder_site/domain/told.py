"""The facts a text names, kept beside it: by them it is known whether it still tells the truth. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from reminder_site.domain.wording import fields_of, without_fields

Told = Mapping[str, str]
ASKS: Final = "asks"
OFF: Final = "off"
_OPTION: Final = re.compile(r"(?<![\w:])[123](?![\w:])", re.ASCII)
# Fields whose value a patient goes by: who reads an old one is misled. A name or a clinic's own name misleads nobody.
_NAMES = {"day": "starts", "time": "starts", "place": "place", "phone": "phone", "clinician": "clinician"}


def facts(template: str, values: Mapping[str, str], starts_local: datetime) -> dict[str, str]:
    """Return what a text written with a template tells: of its start (wall time), place, phone number and clinician.

    Only what the template names is in it, and that it asks nothing when it offers neither 1, 2 nor 3.
    """
    now = {**values, "starts": starts_local.isoformat()}
    found = {_NAMES[field]: now[_NAMES[field]] for field in fields_of(template) if field in _NAMES}
    return found if _OPTION.search(without_fields(template)) else {**found, ASKS: "nothing"}


def asks(told: Told | None) -> bool:
    """Say whether a text asked for an answer; of one that did not note it, it is believed."""
    return told is None or ASKS not in told


def calls_off(told: Told | None) -> bool:
    """Say whether a text told that an appointment does not take place."""
    return OFF in (told or {})


def same(one: Told, other: Told) -> bool:
    """Say whether two texts told the same, whatever they asked."""
    return _plain(one) == _plain(other)


def still_true(told: Told | None, now: Mapping[str, str]) -> bool:
    """Say whether nothing that a text told is otherwise by now; `now` are the facts of today by the same names.

    Of a text that did not note what it tells nobody knows: it counts as untrue.
    """
    return told is not None and all(now.get(name, "") == fact for name, fact in _plain(told).items())


def facts_now(values: Mapping[str, str], starts_local: datetime) -> dict[str, str]:
    """Return all that texts can tell of an appointment, as it is now."""
    return {name: values.get(name, "") for name in set(_NAMES.values())} | {"starts": starts_local.isoformat()}


def _plain(told: Told) -> dict[str, str]:
    return {name: fact for name, fact in told.items() if name not in (ASKS, OFF)}
