"""Judges one look: which alerts begin, grow worse, are told again, or are over. Pure; moments are UTC."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import pendulum

from reminder_site.domain.alert_measures import Reading, Readings
from reminder_site.domain.alerts import AGAIN_HOURS, CALM_SECONDS, GRAVER, RULES, Level, Severity
from reminder_site.domain.spoken import duration_words

What = Literal["fired", "worse", "again", "over"]
# Two looks that lie farther apart say nothing about what was between them.
UNBROKEN_SECONDS: Final = 120
GONE_DAYS: Final = 1
MOST_WORDS: Final = 200
Seen = Sequence[tuple[Level, Reading]]


@dataclass(frozen=True)
class Standing:
    """How one alert stands: seen at some levels since when, firing since when, told, taken; over at the end.

    `subject`: the clinic (its public id) or machine that it is about; empty for the whole site. `words`: the figures
    that stood out when it was told last. One that only is seen, and not for long enough, does not fire yet.
    """

    rule: str
    subject: str
    level: str = ""
    mail_since: pendulum.DateTime | None = None
    page_since: pendulum.DateTime | None = None
    seen_at: pendulum.DateTime | None = None
    firing_since: pendulum.DateTime | None = None
    calm_since: pendulum.DateTime | None = None
    told_at: pendulum.DateTime | None = None
    taken_at: pendulum.DateTime | None = None
    over_at: pendulum.DateTime | None = None
    words: str = ""


@dataclass(frozen=True)
class Event:
    """Something to be told of an alert."""

    what: What
    standing: Standing


@dataclass(frozen=True)
class Judged:
    """The alerts that stand after a look, over ones included for the last time, and what is to be told."""

    standing: tuple[Standing, ...]
    events: tuple[Event, ...]


def judge(readings: Readings, before: Iterable[Standing], *, is_open: bool, now: pendulum.DateTime) -> Judged:
    """Judge every rule by one look, going on from how its alerts stood before."""
    known = {(each.rule, each.subject): each for each in before}
    standing: list[Standing] = []
    events: list[Event] = []
    for rule in RULES:
        for subject in sorted({name for level in rule.levels for name in readings.get(level.measure, ())}):
            old = known.pop((rule.key, subject), None) or Standing(rule.key, subject)
            measured = [(level, readings.get(level.measure, {}).get(subject)) for level in rule.levels]
            seen = [(level, reading) for level, reading in measured if reading is not None]
            new, what = _step(old, seen, is_open, now)
            if new.firing_since or new.seen_at:
                standing.append(new)
            if what:
                events.append(Event(what, new))
    return Judged((*standing, *(_not_seen(each, now) for each in known.values())), tuple(events))


def _step(old: Standing, seen: Seen, is_open: bool, now: pendulum.DateTime) -> tuple[Standing, What | None]:
    beyond = [(level, reading) for level, reading in seen if _is_beyond(level, reading)]
    if not (beyond or old.seen_at or old.firing_since):
        return old, None
    counts = [each for each in beyond if old.firing_since or is_open or not each[0].only_open]
    new = _noted(old, counts, now)
    reached = _reached(new, counts, now)
    words = _said(reached, counts)
    if GRAVER[reached] > GRAVER[new.level]:
        what: What = "worse" if new.level else "fired"
        begun = replace(new, level=reached, firing_since=new.firing_since or now, calm_since=None, words=words)
        return replace(begun, told_at=now, taken_at=None), what
    if not new.firing_since:
        return new, None
    calm = all(_is_calm(level, reading) for level, reading in seen)
    return _goes_on(replace(new, words=words or new.words), calm, now)


def _not_seen(standing: Standing, now: pendulum.DateTime) -> Standing:
    """End what nobody measures any more (a machine that is gone, a clinic) after a day, without a word."""
    last = standing.seen_at or standing.calm_since or standing.told_at
    gone = last is None or now >= last.add(days=GONE_DAYS)
    return replace(standing, over_at=now) if gone else standing


def _goes_on(standing: Standing, calm: bool, now: pendulum.DateTime) -> tuple[Standing, What | None]:
    """Carry a firing alert on: over once it was calm for long enough, told again until somebody takes it."""
    if not calm:
        standing = replace(standing, calm_since=None)
    elif standing.calm_since is None:
        standing = replace(standing, calm_since=now)
    elif (now - standing.calm_since).total_seconds() >= CALM_SECONDS:
        return replace(standing, over_at=now), "over"
    assert standing.told_at is not None
    if standing.taken_at is None and not calm and now >= standing.told_at.add(hours=AGAIN_HOURS):
        return replace(standing, told_at=now), "again"
    return standing, None


def _noted(old: Standing, counts: Seen, now: pendulum.DateTime) -> Standing:
    """Note at which levels it is seen, without a break since when."""
    unbroken = old.seen_at is not None and (now - old.seen_at).total_seconds() <= UNBROKEN_SECONDS
    severities = {level.severity for level, _ in counts}

    def since(severity: Severity, before: pendulum.DateTime | None) -> pendulum.DateTime | None:
        return (before if unbroken and before else now) if severity in severities else None

    mail, page = since("mail", old.mail_since), since("page", old.page_since)
    return replace(old, mail_since=mail, page_since=page, seen_at=now if counts else None)


def _reached(standing: Standing, counts: Seen, now: pendulum.DateTime) -> str:
    """Return the gravest level that has lasted for as long as it has to."""
    since = {"mail": standing.mail_since, "page": standing.page_since}
    lasted = [
        level.severity
        for level, _ in counts
        if (begun := since[level.severity]) is not None and (now - begun).total_seconds() >= level.for_seconds
    ]
    return max(lasted, key=lambda severity: GRAVER[severity], default="")


def _is_beyond(level: Level, reading: Reading) -> bool:
    if reading.of < level.least or not reading.sure:
        return False
    if level.sign == "<":
        return reading.value < level.threshold
    return reading.value > level.threshold or (level.sign == ">=" and reading.value == level.threshold)


def _is_calm(level: Level, reading: Reading) -> bool:
    if reading.of < level.least:
        return True
    return reading.value >= level.clears if level.sign == "<" else reading.value <= level.clears


def _said(reached: str, counts: Seen) -> str:
    """Say in words the figure by which it reached its level."""
    for level, reading in counts:
        if level.severity == reached:
            duration = duration_words(reading.value) if math.isfinite(reading.value) else ""
            percent, count = f"{reading.value:.0%}", f"{reading.value:.0f}"
            said = level.says.format(duration=duration, percent=percent, count=count, words=reading.words)
            return f"{said[: MOST_WORDS - 1]}."
    return ""
