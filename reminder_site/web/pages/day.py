"""The day list, which is the home page, and the week: who comes, what they answered, where each reminder is."""

from collections import Counter
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from reminder_site.domain import opening_hours, spoken
from reminder_site.domain.times import to_local
from reminder_site.domain.typed_times import NotATime, read_day
from reminder_site.queries import appointments, settings
from reminder_site.queries.appointments import Line
from reminder_site.web import current, day_rows
from reminder_site.web.now import now

pages = Blueprint("day", __name__)
DAY = timedelta(days=1)
WEEK_DAYS = 7
LONGEST_SEARCH = 80
FIRST, LAST = date(1990, 1, 1), date(2199, 12, 31)


@pages.get("/")
def home() -> str:
    """Show today at the clinic."""
    return _day_page(_today())


@pages.route("/day/<on>", methods=["GET", "POST"])
def day(on: str) -> str:
    """Show one day, or of it what a posted search finds; a day that does not exist is not found."""
    return _day_page(_day_of(on))


@pages.get("/day")
def go() -> str:
    """Show the day that was chosen in the date box."""
    return _day_page(_day_of(request.args.get("on", "")))


@pages.route("/week/<on>", methods=["GET", "POST"])
def week(on: str) -> str:
    """Show the seven days of the week a day lies in, Monday first, or of them what a posted search finds."""
    chosen = _day_of(on)
    monday = chosen - chosen.weekday() * DAY
    lines = _read(monday, monday + 6 * DAY)
    shown, listing = _listing(lines)
    shut = _closed(lines, monday, monday + 6 * DAY)
    by_day = {on: list(group) for on, group in groupby(shown, key=lambda line: line.starts_local.date())}
    days = [
        {"on": each, "words": spoken.long_day(each), "rows": _rows(by_day.get(each, [])), "closed": shut.get(each)}
        for each in (monday + n * DAY for n in range(WEEK_DAYS))
    ]
    return render_template(
        "appointments/week.html",
        **listing,
        on=monday,
        days=days,
        coming=None if lines else _coming(monday + WEEK_DAYS * DAY),
        **_steps("day.week", monday, WEEK_DAYS),
    )


def _day_page(on: date) -> str:
    lines = _read(on, on)
    shown, listing = _listing(lines)
    local = to_local(now(), current.clinic().time_zone)
    past = sum(line.starts_at <= now() for line in shown)
    return render_template(
        "appointments/day.html",
        **listing,
        on=on,
        words=spoken.long_day(on),
        closed=_closed(lines, on, on).get(on),
        rows=_rows(shown),
        now_before=past if on == local.date() and 0 < past < len(shown) else None,
        now_words=spoken.clock(local),
        coming=None if lines else _coming(on + DAY),
        **_steps("day.day", on, 1),
    )


def _read(first: date, last: date) -> list[Line]:
    clinic = current.clinic()
    return appointments.days(clinic_id=clinic.id, zone=clinic.time_zone, first=first, last=last)


def _closed(lines: list[Line], first: date, last: date) -> dict[date, str]:
    """Say of each closed day from one to another how many are booked on it all the same."""
    clinic = current.clinic()
    named = settings.closed_between(clinic, first, last)
    booked = Counter(line.starts_local.date() for line in lines if line.state == "booked")
    days = (first + n * DAY for n in range((last - first).days + 1))
    words = {on: opening_hours.closed_words(clinic.hours, named, on, booked[on]) for on in days}
    return {on: said for on, said in words.items() if said}


def _listing(lines: list[Line]) -> tuple[list[Line], dict[str, Any]]:
    """Read what is to be shown of these lines, and say what the page says about it. No name stands in an address."""
    chosen = request.values.get("show", "all")
    chosen = chosen if chosen in day_rows.FILTERS else "all"
    typed = request.form.get("typed", "")[:LONGEST_SEARCH]
    shown = day_rows.shown(lines, chosen, typed)
    said = {"chosen": chosen, "typed": typed, "filters": day_rows.filters(lines, chosen), "total": len(lines)}
    return shown, {**said, "count": len(shown), "today": _today()}


def _coming(first: date) -> dict[str, str] | None:
    """Offer the next day that has appointments: "Next: Monday 23 Nov, 5 appointments"."""
    clinic = current.clinic()
    found = appointments.next_day(clinic_id=clinic.id, zone=clinic.time_zone, first=first)
    if found is None:
        return None
    on, count = found
    day = f"{spoken.WEEKDAYS[on.weekday()]} {spoken.day(on, _today()).partition(' ')[2]}"
    words = f"Next: {day}, {count} appointment{'s' if count != 1 else ''}"
    return {"url": url_for("day.day", on=on), "label": words, "kind": "main"}


def _rows(lines: list[Line]) -> list[dict[str, Any]]:
    country = current.clinic().country
    made = [day_rows.row(line, country=country, now=now()) for line in lines]
    return [{**each, "url": url_for("appointments.show", public_id=each["line"].id)} for each in made]


def _steps(endpoint: str, on: date, days: int) -> dict[str, str]:
    step = timedelta(days=days)
    return {"before_url": url_for(endpoint, on=on - step), "after_url": url_for(endpoint, on=on + step)}


def _today() -> date:
    return to_local(now(), current.clinic().time_zone).date()


def _day_of(typed: str) -> date:
    try:
        on = read_day(typed)
    except NotATime:
        abort(404)
    if not FIRST <= on <= LAST:
        abort(404)
    return on
