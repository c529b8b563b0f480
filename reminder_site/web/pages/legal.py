"""What patients, carriers and authorities may read without signing in: how texts work here, what is kept for them."""

from flask import Blueprint, abort, render_template

from reminder_site.domain.phones import dialled
from reminder_site.queries import accounts
from reminder_site.web.now import now

pages = Blueprint("legal", __name__)


@pages.get("/privacy")
def privacy() -> str:
    """Say what is kept of whom, what for, and who else sees it."""
    return _page("privacy")


@pages.get("/terms")
def terms() -> str:
    """Say which texts come, how often, what they cost, and how to end them."""
    return _page("terms")


def _page(name: str) -> str:
    places = accounts.all_clinics()
    if not places:
        abort(404)  # nothing is texted before the site is set up
    told = [
        {
            "name": each.name,
            "address": each.address,
            "phone": dialled(each.phone, each.country),
            "phone_shown": each.phone,
        }
        for each in places
    ]
    return render_template(f"legal/{name}.html", places=told, clinic=told[0] if len(told) == 1 else None, today=now())
