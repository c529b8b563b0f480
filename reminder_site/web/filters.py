"""Times as people say them, for templates. Every filter takes UTC instants and says them in a clinic's zone."""

from datetime import date, datetime, time

import pendulum
from flask import Flask

from reminder_site.domain import phones, spoken, zones
from reminder_site.web import warnings
from reminder_site.web.now import now


def register(app: Flask) -> None:
    """Put the filters on the app."""
    app.add_template_filter(when)
    app.add_template_filter(warnings.in_full)
    app.add_template_filter(day)
    app.add_template_filter(clock)
    app.add_template_filter(day_and_clock)
    app.add_template_filter(exact)
    app.add_template_filter(phone)


def when(at: pendulum.DateTime, zone: str) -> str:
    """Say an instant in a zone: "Tue 3 Mar, 2:30 pm · in 2 days"."""
    return spoken.moment_words(at, zone, now())


def exact(at: pendulum.DateTime, zone: str) -> str:
    """Write an instant out in full, with its offset, for titles and markup."""
    return zones.exact(at, zone)


def day(on: date, today: date | None = None) -> str:
    """Say a date: "Tue 3 Mar", with the year when it is not this one."""
    return spoken.day(on, today or now().date())


def clock(at: datetime | time) -> str:
    """Say a wall time: "2:30 pm"."""
    return spoken.clock(at)


def day_and_clock(local: datetime, today: date | None = None) -> str:
    """Say a wall time with its day: "Tue 3 Mar, 2:30 pm"."""
    return spoken.day_and_clock(local, today or now().date())


def phone(e164: str, region: str) -> str:
    """Show a number as people of a country write it."""
    return phones.show(e164, region) if e164 else ""
