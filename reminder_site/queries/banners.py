"""What stands above every staff page while something is wrong, in words that say what it means for patients."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import pendulum

from reminder_site.domain.spoken import since_words
from reminder_site.queries import alerts, health, parked, sign_in_tries
from reminder_site.queries.accounts import Staff
from reminder_site.queries.settings import staff_of

TOLD_OF_DRIFT = TOLD_OF_ALERTS = frozenset({"manager", "administrator"})


@dataclass(frozen=True)
class Banner:
    """One banner; `fixes` names what a button beside it would put right (empty: there is none)."""

    level: Literal["warn", "bad"]
    words: str
    fixes: Literal["", "accounts", "alerts", "drift", "parked"] = ""


def banners(*, role: str, clinic_id: int, zone: str, checks: health.Checks, now: pendulum.DateTime) -> list[Banner]:
    """Return what somebody in a role is told now, with times in the clinic's zone; only managers hear of drift."""
    found = [
        Banner("bad" if check.status == "down" else "warn", _sentences(check, zone, now))
        for check in checks.values()
        if check.status != "ok"
    ]
    return found if checks["database"].status == "down" else [*found, *_of_texts(role, clinic_id, now)]


def of_alerts(*, role: str, clinics: Collection[int], zone: str, now: pendulum.DateTime) -> list[Banner]:
    """Return what managers and administrators of some clinics are told while alerts fire, whoever has taken them."""
    found = alerts.firing(clinics) if role in TOLD_OF_ALERTS else []
    if not found:
        return []
    names = ", ".join(f"{one.rule.name}{f' ({one.place})' if one.place else ''}" for one in found)
    alone = sum(one.taken_at is None for one in found)
    since = since_words(min(one.since for one in found), zone, now)
    count = "An alert" if len(found) == 1 else f"{len(found)} alerts"
    nobody = "nobody has taken it yet" if len(found) == 1 else f"nobody has taken {alone} of them yet"
    words = f"{count}, {since}: {names}; {nobody if alone else 'somebody sees to it'}."
    return [Banner("bad" if any(one.level == "page" for one in found) else "warn", words, fixes="alerts")]


def of_sign_ins(*, me: Staff, now: pendulum.DateTime) -> list[Banner]:
    """Return what the owner of an account, or an administrator, is told of wrong passwords; `now` is the machine's."""
    tries, found = sign_in_tries.many_wrong(now=now), []
    if mine := tries.get(sign_in_tries.keyed(me.email)):
        times = f"Somebody typed {mine} wrong passwords for your account today, on devices where you never signed in"
        found.append(Banner("warn", f"{times}. You can go on working; on your own devices nothing changes."))
    if guessed := tries.get(sign_in_tries.keyed_code(me.email)):
        words = f"Somebody who knows your password typed {guessed} wrong codes today. Change your password now."
        found.append(Banner("bad", words))
    if me.role == "administrator":
        people = [row for row in staff_of(me.id) if row.public_id != me.public_id]
        names = [row.name for row in people if sign_in_tries.keyed(row.email) in tries]
        if names:
            words = f"Many wrong passwords were typed today for {', '.join(names)}, on devices not known."
            found.append(Banner("warn", words, fixes="accounts"))
    return found


def _sentences(check: health.Check, zone: str, now: pendulum.DateTime) -> str:
    since = f", {since_words(check.since, zone, now)}" if check.since else ""
    return f"{check.words[0].upper()}{check.words[1:]}{since}. {check.means}."


def _of_texts(role: str, clinic_id: int, now: pendulum.DateTime) -> list[Banner]:
    found = []
    waiting = parked.counts(clinic_id, now=now)
    if any(waiting):
        found.append(Banner("warn", _needs_a_person(*waiting), fixes="parked"))
    if count := parked.over_the_limit(clinic_id, now=now):
        texts = "1 text waits" if count == 1 else f"{count} texts wait"
        words = f"{texts}: the clinic's limit of texts a day is reached. A manager can raise it in the settings."
        found.append(Banner("warn", words))
    if role in TOLD_OF_DRIFT and (count := health.drift()):
        texts = "1 text stands" if count == 1 else f"{count} texts stand"
        found.append(Banner("warn", f"{texts} differently here and at Twilio.", fixes="drift"))
    return found


def _needs_a_person(texts: int, visits: int, useless: int) -> str:
    found = []
    if texts:
        needs = "1 text needs" if texts == 1 else f"{texts} texts need"
        found.append(f"{needs} a person: it is not certain what became of {'it' if texts == 1 else 'them'}.")
    if visits:
        stand = "1 appointment stands" if visits == 1 else f"{visits} appointments stand"
        found.append(f"{stand} without the texts {'it' if visits == 1 else 'they'} should have.")
    if useless:
        texts_were = "1 text" if useless == 1 else f"{useless} texts"
        patients = "its patient" if useless == 1 else "their patients"
        found.append(f"{texts_were} could not leave in time, for a trouble of ours: {patients} must be told otherwise.")
    return " ".join(found)
