"""Time zones: which names exist, how old names read, what a form offers, which release of the rules is in force.

All facts come from the `tzdata` package that the site is pinned to; the host's files are never asked.
"""

import zoneinfo
from datetime import UTC, datetime
from functools import cache
from importlib import resources

import tzdata


class UnknownZone(ValueError):
    """No zone of that name is in the zone data."""


def version() -> str:
    """Return the IANA release in force, such as "2026f"."""
    return str(tzdata.IANA_VERSION)


def source() -> str:
    """Say in words where this process reads its zone rules from; the health page shows it."""
    if zoneinfo.TZPATH:
        return "the host's files in " + ", ".join(zoneinfo.TZPATH)
    return f"the tzdata package {tzdata.__version__}"


def pinned() -> bool:
    """Tell whether the `tzdata` package is the only place this process reads zone rules from."""
    return not zoneinfo.TZPATH


def known(name: str) -> bool:
    """Tell whether a zone of this name exists, old names included."""
    return name in _names()


def canonical(name: str) -> str:
    """Return today's name of a zone: "US/Eastern" becomes "America/New_York"; a name still in use stays.

    Raises UnknownZone.
    """
    if not known(name):
        raise UnknownZone(f"There is no time zone called {name!r}.")
    current = {zone for _country, zone, _part in _places()}
    while name not in current and name in _links():
        name = _links()[name]
    return name


def rules_of(name: str) -> zoneinfo.ZoneInfo:
    """Return the rules of a zone; raises UnknownZone."""
    if not known(name):
        raise UnknownZone(f"There is no time zone called {name!r}.")
    return zoneinfo.ZoneInfo(name)


def to_local(at: datetime, zone: str) -> datetime:
    """Return what a clock on the wall shows at an instant: naive, `fold` set in the second of two like hours."""
    return _there(at, zone).replace(tzinfo=None)


def exact(at: datetime, zone: str) -> str:
    """Write an instant as ISO 8601 with the offset of a zone; pendulum would read the zone's file for every one."""
    return _there(at, zone).isoformat()


def city(zone: str) -> str:
    """Return the place a zone is named after."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


@cache
def choices(country: str | None = None) -> tuple[tuple[str, str], ...]:
    """List (zone, label) to pick from: one country's zones, its biggest first, or the whole world's by label."""
    if country:
        return tuple((zone, _label(zone, part)) for code, zone, part in _places() if code == country.upper())
    names = _countries()
    world = ((zone, _label(zone, ", ".join(filter(None, (names[code], part))))) for code, zone, part in _places())
    return tuple(sorted(world, key=lambda choice: choice[1]))


def _there(at: datetime, zone: str) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs its offset")
    plain = datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, at.tzinfo, fold=at.fold)
    return plain.astimezone(UTC).astimezone(rules_of(zone))


def _label(zone: str, part: str) -> str:
    return f"{city(zone)} · {part}" if part else city(zone)


@cache
def _names() -> frozenset[str]:
    return frozenset(_lines("zones"))


@cache
def _places() -> tuple[tuple[str, str, str], ...]:
    rows = (line.split("\t") for line in _lines("zoneinfo/zone.tab") if not line.startswith("#"))
    return tuple((row[0], row[2], row[3] if len(row) > 3 else "") for row in rows)


@cache
def _countries() -> dict[str, str]:
    rows = (line.split("\t") for line in _lines("zoneinfo/iso3166.tab") if not line.startswith("#"))
    return {code: name for code, name in rows}


@cache
def _links() -> dict[str, str]:
    rows = (line.split() for line in _lines("zoneinfo/tzdata.zi") if line.startswith("L "))
    return {old: today for _letter, today, old in rows}


def _lines(path: str) -> list[str]:
    text = resources.files(tzdata).joinpath(path).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line]
