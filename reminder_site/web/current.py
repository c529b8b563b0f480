"""Who is at the desk in this request: their account, their clinic, and their name for histories."""

from typing import Any

from flask_login import current_user

from reminder_site.domain.actor import Actor
from reminder_site.queries.accounts import Clinic, Staff
from reminder_site.web.sessions import User


def signed_in() -> bool:
    """Tell whether somebody is signed in."""
    return bool(current_user and current_user.is_authenticated)


def user() -> User:
    """Return the signed-in user; only for pages behind the gate."""
    found: User = current_user
    return found


def staff() -> Staff:
    """Return the account of whoever is signed in."""
    return user().staff


def clinic() -> Clinic:
    """Return the clinic that is open; everything a page reads or writes is scoped by its `id`."""
    return user().clinic


def clinic_ids() -> list[int]:
    """List the clinics that whoever is signed in may open."""
    return [one.id for one in user().clinics]


def actor() -> Actor:
    """Return who acts, for histories and the audit."""
    return Actor("staff", staff().name, staff().id)


def page_context() -> dict[str, Any]:
    """Give the layout the clinic that is open and those to choose from."""
    if not signed_in():
        return {}
    return {"current_clinic": clinic(), "my_clinics": user().clinics}
