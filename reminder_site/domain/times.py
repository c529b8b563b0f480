"""Wall time and zone to instant and back. An appointment is stored as wall time + zone; its instant is derived here.

Instants are pendulum.DateTime in UTC and only ever compared there: inside one zone the two halves of a doubled hour
compare equal. A wall time is a naive datetime.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pendulum

from reminder_site.domain.spoken import clock, long_day
from reminder_site.domain.zones import rules_of
from reminder_site.domain.zones import to_local as to_local

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Choice:
    """One reading of a doubtful wall time; `key` goes back into `moment` as the answer."""

    key: str
    local: datetime
    at: pendulum.DateTime
    words: str


@dataclass(frozen=True)
class Placed:
    """A wall time that has its instant: `fold` is 1 only in the second of two like hours, `at` is in UTC."""

    local: datetime
    zone: str
    fold: int
    at: pendulum.DateTime


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Return how many seconds pass between two aware moments; pendulum's own `-` costs fifty times as much."""
    return datetime.__sub__(later, earlier).total_seconds()


class DoubtfulTime(ValueError):
    """A wall time that needs a person's choice; `words` is the whole question, `choices` the two answers."""

    def __init__(self, words: str, choices: tuple[Choice, Choice]) -> None:
        super().__init__(words)
        self.words = words
        self.choices = choices


class NoSuchTime(DoubtfulTime):
    """The clocks jump over this wall time; the choices are "earlier" and "later"."""


class TimeHappensTwice(DoubtfulTime):
    """The clocks show this wall time twice; the choices are "first" and "second"."""


def utc(at: datetime) -> pendulum.DateTime:
    """Return any aware datetime as a pendulum.DateTime in UTC."""
    at = at.astimezone(UTC)
    return pendulum.DateTime(
        at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=pendulum.UTC
    )


def moment(local: datetime, zone: str, *, choice: str | None = None) -> Placed:
    """Place a wall time that a person typed.

    Without a choice raises NoSuchTime or TimeHappensTwice where the clocks change; with one that does not belong to
    this wall time, ValueError; UnknownZone for the zone. A choice where none is needed is ignored: the form may have
    been asked about another time before.
    """
    doubt = _doubt(local, zone)
    if doubt is None:
        return _placed(_at(local, zone, 0), zone)
    if choice is None:
        raise doubt
    for answer in doubt.choices:
        if answer.key == choice:
            return _placed(answer.at, zone)
    raise ValueError(f"{choice!r} is not an answer to: {doubt.words}")


def first_valid(local: datetime, zone: str) -> tuple[Placed, str | None]:
    """Place a wall time that a rule derived: a skipped one moves to the first valid instant, of two the first is taken.

    The second value says so in words when that was done.
    """
    doubt = _doubt(local, zone)
    placed = _placed(resolve(local, zone, 0), zone)
    if isinstance(doubt, NoSuchTime):
        missing = f"{clock(local)} does not exist on {long_day(local)}, when the clocks go forward"
        return placed, f"{missing}; {_clock_by(placed.local, local)} is used"
    if isinstance(doubt, TimeHappensTwice):
        return placed, f"{clock(local)} happens twice on {long_day(local)}, when the clocks go back; the first is used"
    return placed, None


def resolve(local: datetime, zone: str, fold: int) -> pendulum.DateTime:
    """Return the instant of a stored wall time by today's zone data, whatever the data said when it was stored.

    A wall time that is now skipped becomes the first valid instant after it; a fold that is gone is ignored.
    """
    before, after = _at(local, zone, 1), _at(local, zone, 0)
    if before < after:
        return _jump(before, after, zone)
    return _at(local, zone, fold)


def _doubt(local: datetime, zone: str) -> DoubtfulTime | None:
    first, second = _at(local, zone, 0), _at(local, zone, 1)
    if first < second:
        return _doubled(local, zone, first, second)
    if second < first:
        return _skipped(local, zone, second, first)
    return None


def _doubled(local: datetime, zone: str, first: pendulum.DateTime, second: pendulum.DateTime) -> TimeHappensTwice:
    names = _abbreviations(first, second, zone)
    question = (
        f"{clock(local)} happens twice on {long_day(local)}, when the clocks go back. "
        f"Which one: the first ({names[0]}) or the second ({names[1]})?"
    )
    return TimeHappensTwice(
        question,
        (
            Choice("first", local.replace(fold=0), first, f"the first {clock(local)} ({names[0]})"),
            Choice("second", local.replace(fold=1), second, f"the second {clock(local)} ({names[1]})"),
        ),
    )


def _skipped(local: datetime, zone: str, earlier: pendulum.DateTime, later: pendulum.DateTime) -> NoSuchTime:
    jump = _jump(earlier, later, zone)
    opens = to_local(jump, zone)
    shuts = to_local(utc(jump - SECOND), zone) + SECOND
    names = _abbreviations(earlier, later, zone)
    answers = [
        Choice(key, there, at, f"{_clock_by(there, local)} ({name})")
        for key, at, name in (("earlier", earlier, names[0]), ("later", later, names[1]))
        for there in (to_local(at, zone),)
    ]
    question = (
        f"{clock(local)} does not exist on {long_day(local)}: the clocks go forward "
        f"from {_clock_by(shuts, local)} to {_clock_by(opens, local)}. "
        f"Use {answers[0].words} or {answers[1].words}?"
    )
    return NoSuchTime(question, (answers[0], answers[1]))


def _clock_by(local: datetime, asked: datetime) -> str:
    """Say a wall time, with its day when that is not the day asked about (a jump over midnight or a whole day)."""
    return clock(local) if local.date() == asked.date() else f"{clock(local)} on {long_day(local)}"


def _abbreviations(first: pendulum.DateTime, second: pendulum.DateTime, zone: str) -> tuple[str, str]:
    rules = rules_of(zone)
    one, two = (at.astimezone(rules) for at in (first, second))
    names = str(one.tzname()), str(two.tzname())
    if names[0] != names[1] and all(name.isalpha() for name in names):
        return names
    return _offset(one), _offset(two)


def _offset(local: datetime) -> str:
    shift = local.strftime("%z")
    return f"UTC{shift[:3]}:{shift[3:5]}"


def _jump(before: pendulum.DateTime, after: pendulum.DateTime, zone: str) -> pendulum.DateTime:
    """Find the instant between two at which the zone's offset changes, to the second."""
    rules = rules_of(zone)
    low, high = int(before.timestamp()), int(after.timestamp())
    offset = datetime.fromtimestamp(low, rules).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, rules).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return utc(datetime.fromtimestamp(high, UTC))


def _at(local: datetime, zone: str, fold: int) -> pendulum.DateTime:
    if local.tzinfo is not None:
        raise ValueError("a wall time carries no offset")
    plain = datetime(local.year, local.month, local.day, local.hour, local.minute, local.second, local.microsecond)
    try:
        return utc(plain.replace(tzinfo=rules_of(zone), fold=fold))
    except OverflowError as error:
        raise ValueError("that day is beyond the calendar") from error


def _placed(at: pendulum.DateTime, zone: str) -> Placed:
    local = to_local(at, zone)
    return Placed(local=local.replace(fold=0), zone=zone, fold=local.fold, at=at)
