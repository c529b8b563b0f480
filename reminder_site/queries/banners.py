"""What stands above every staff page while something is wrong, in words that say what it means for patients."""

from dataclasses import dataclass
from typing import Literal

import pendulum

from reminder_site.domain.spoken import since_words
from reminder_site.queries import health, parked

TOLD_OF_DRIFT = frozenset({"manager", "administrator"})


@dataclass(frozen=True)
class Banner:
    """One banner; `fixes` names what a button beside it would put right (empty: there is none)."""

    level: Literal["warn", "bad"]
    words: str
    fixes: Literal["", "drift", "parked"] = ""


def banners(*, role: str, clinic_id: int, zone: str, checks: health.Checks, now: pendulum.DateTime) -> list[Banner]:
    """Return what somebody in a role is told now, with times in the clinic's zone; only managers hear of drift."""
    found = [
        Banner("bad" if check.status == "down" else "warn", _sentences(check, zone, now))
        for check in checks.values()
        if check.status != "ok"
    ]
    return found if checks["database"].status == "down" else [*found, *_of_texts(role, clinic_id, now)]


def _sentences(check: health.Check, zone: str, now: pendulum.DateTime) -> str:
    since = f", {since_words(check.since, zone, now)}" if check.since else ""
    return f"{check.words[0].upper()}{check.words[1:]}{since}. {check.means}."


def _of_texts(role: str, clinic_id: int, now: pendulum.DateTime) -> list[Banner]:
    found = []
    if count := parked.count(clinic_id):
        texts = "1 text needs" if count == 1 else f"{count} texts need"
        found.append(Banner("warn", f"{texts} a person: it is not certain that they went out.", fixes="parked"))
    if count := parked.over_the_limit(clinic_id, now=now):
        texts = "1 text waits" if count == 1 else f"{count} texts wait"
        words = f"{texts}: the clinic's limit of texts a day is reached. A manager can raise it in the settings."
        found.append(Banner("warn", words))
    if role in TOLD_OF_DRIFT and (count := health.drift()):
        texts = "1 text stands" if count == 1 else f"{count} texts stand"
        found.append(Banner("warn", f"{texts} differently here and at Twilio.", fixes="drift"))
    return found
