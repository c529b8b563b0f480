"""Days on which a clinic is closed: public holidays of where it stands, and its own dates. Knows no opening hours."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from types import MappingProxyType

import holidays


def closed_days(
    country: str, subdivision: str | None, years: Iterable[int], own: Mapping[date, str]
) -> Mapping[date, str]:
    """Return the closed days of these years with their names; the clinic's own name for a day comes first.

    A country or subdivision that the holiday calendar does not have adds nothing: the clinic's own dates remain.
    """
    days: dict[date, str] = {}
    for year in sorted(set(years)):
        days |= _public_holidays(country, subdivision or None, year)
    return MappingProxyType(days | dict(own))


@cache
def regions(country: str) -> tuple[tuple[str, str], ...]:
    """List (code, name) of the parts of a country that keep holidays of their own; empty where there are none."""
    if country not in holidays.list_supported_countries():
        return ()
    calendar = holidays.country_holidays(country)
    names: dict[str, str] = {}
    for alias, code in calendar.subdivisions_aliases.items():
        names[code] = max(names.get(code, ""), alias, key=len)
    return tuple(
        sorted(((code, names.get(code, code)) for code in calendar.subdivisions), key=lambda region: region[1])
    )


@cache
def _public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    known = holidays.list_supported_countries()
    if country not in known:
        return {}
    region = subdivision if subdivision in known[country] else None
    return dict(holidays.country_holidays(country, subdiv=region, years=year, language="en_US"))
