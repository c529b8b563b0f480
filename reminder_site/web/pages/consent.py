"""Settings: the wording of consent; a new one is a new version, the old ones stay as they were read or signed."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from reminder_site.actions.consent_wordings import add_wording
from reminder_site.domain.consent import DEFAULT_WORDING
from reminder_site.queries import consent_wordings
from reminder_site.web import current
from reminder_site.web.forms.settings import ConsentWordingForm
from reminder_site.web.now import now
from reminder_site.web.saved import say_saved

pages = Blueprint("consent", __name__, url_prefix="/settings/consent")


@pages.route("", methods=["GET", "POST"])
def wording() -> str | Response | tuple[str, int]:
    """Show every version and add another one."""
    clinic = current.clinic()
    there = consent_wordings.of_clinic(clinic.id)
    form = ConsentWordingForm(data={"body": there[0].body if there else DEFAULT_WORDING})
    if form.validate_on_submit():
        version = add_wording(clinic_id=clinic.id, body=form.body.data, by=current.actor(), now=now())
        say_saved(f"Version {version} is in use. Who agreed before agreed to the wording of that time.")
        return redirect(url_for("consent.wording"), 303)
    page = render_template("settings/consent.html", form=form, wordings=there, clinic=clinic)
    return page, 422 if form.errors else 200
