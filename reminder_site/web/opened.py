"""What the link of this request opens, looked up once: for the page, for the limits, and for pages that refuse."""

from typing import Any, NoReturn

from flask import abort, g

from reminder_site.domain.phones import dialled
from reminder_site.queries import links
from reminder_site.queries.links import Linked
from reminder_site.web.now import now


def opens(token: str) -> bool:
    """Say whether a token opens anything."""
    return _found(token) is not None


def linked(token: str) -> Linked:
    """Return what a link opens; one that has ended or never was ends in a page that says so."""
    found = _found(token)
    return found if found is not None else ended(token)


def anew(token: str) -> Linked:
    """Return what a link opens now, after somebody else changed it."""
    g.pop("opened", None)
    return linked(token)


def ended(token: str) -> NoReturn:
    """End the request: 410 for a link that has ended, 404 for one that never was."""
    clinic = links.clinic_of_ended(token)
    if clinic is not None:
        g.lost_at = (clinic.name, clinic.phone, clinic.country)
    abort(404 if clinic is None else 410)


def clinic_to_phone() -> dict[str, Any] | None:
    """Return whom a patient can phone who was refused here: the link's clinic, else the site's only one, if known.

    May be asked while the database is what is wrong.
    """
    found: Linked | None = g.get("opened")
    name, phone, country = g.get("lost_at") or ((found.clinic, found.phone, found.country) if found else ("", "", ""))
    if not name:
        only = links.only_clinic()
        name, phone, country = (only.name, only.phone, only.country) if only else ("", "", "")
    return {"name": name, "phone": dialled(phone, country), "phone_shown": phone} if name else None


def _found(token: str) -> Linked | None:
    if "opened" not in g:
        g.opened = links.find(token, now=now())
    found: Linked | None = g.opened
    return found
