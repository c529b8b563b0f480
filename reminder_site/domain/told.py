"""The facts a text names, kept beside it: by them it is known whether it still tells the truth. Pure."""

from collections.abc import Mapping
from datetime import datetime

from reminder_site.domain.wording import fields_of

Told = Mapping[str, str]
# Fields whose value a patient goes by: who reads an old one is misled. A name or a clinic's own name misleads nobody.
_NAMES = {"day": "starts", "time": "starts", "place": "place", "phone": "phone", "clinician": "clinician"}


def facts(template: str, values: Mapping[str, str], starts_local: datetime) -> dict[str, str]:
    """Return what a text written with a template tells: of its start (wall time), place, phone number and clinician.

    Only what the template names is in it.
    """
    now = {**values, "starts": starts_local.isoformat()}
    return {_NAMES[field]: now[_NAMES[field]] for field in fields_of(template) if field in _NAMES}


def still_true(told: Told | None, now: Mapping[str, str]) -> bool:
    """Say whether nothing that a text told is otherwise by now; `now` are the facts of today by the same names.

    Of a text that did not note what it tells nobody knows: it counts as untrue.
    """
    return told is not None and all(now.get(name, "") == fact for name, fact in told.items())


def facts_now(values: Mapping[str, str], starts_local: datetime) -> dict[str, str]:
    """Return all that texts can tell of an appointment, as it is now."""
    return {name: values.get(name, "") for name in set(_NAMES.values())} | {"starts": starts_local.isoformat()}
