"""The audit: what was done, by whom, and who opened whose page. What is searched for is posted."""

from dataclasses import replace
from datetime import date

from flask import Blueprint, render_template, request

from reminder_site.queries import audit_log
from reminder_site.queries.audit_log import KINDS, PAGE, Sought
from reminder_site.web import current
from reminder_site.web.forms.fields import whole_number

pages = Blueprint("audit", __name__, url_prefix="/audit")
LONGEST = 80


@pages.get("")
def index() -> str:
    """Show the newest entries, with what to search by."""
    return _page(Sought(), None)


@pages.post("/find")
def find() -> str:
    """Show the entries that fit, or the next page of them; changes nothing."""
    typed = request.form
    sought = Sought(
        first=_day(typed.get("first", "")),
        last=_day(typed.get("last", "")),
        who=typed.get("who", "")[:LONGEST].strip(),
        kind=typed.get("kind", "") if typed.get("kind", "") in KINDS else "",
        subject=typed.get("subject", "")[:64],
    )
    if sought.first and sought.last and sought.last < sought.first:
        sought = replace(sought, first=sought.last, last=sought.first)
    return _page(sought, whole_number(typed.get("before", ""), 0) or None)


def _page(sought: Sought, before: int | None) -> str:
    clinic = current.clinic()
    lines = audit_log.found(clinic_id=clinic.id, zone=clinic.time_zone, sought=sought, before=before)
    more = lines[-1].number if len(lines) == PAGE else None
    whose = next((line.about.words for line in lines if line.about.id == sought.subject), "one patient")
    shown = {"lines": lines, "sought": sought, "more": more, "kinds": KINDS, "whose": whose}
    return render_template("audit.html", **shown, continued=before is not None)


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None
