"""Settings: how long the clinic keeps what."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions.keeping import change_keeping
from reminder_site.actions.settings_guard import SettingsChanged
from reminder_site.domain.retention import AUDIT_YEARS
from reminder_site.web import current
from reminder_site.web.forms.keeping import KeepingForm
from reminder_site.web.now import now
from reminder_site.web.saved import differences

pages = Blueprint("keeping", __name__, url_prefix="/settings/keeping")
NOTHING_TYPED = None  # to a form: leave what came with the request alone


@pages.route("", methods=["GET", "POST"])
def retention() -> str | Response | tuple[str, int]:
    """Show and change how long texts, receipts and appointments are kept."""
    clinic = current.clinic()
    form, meanwhile = KeepingForm.of(clinic), []
    if form.validate_on_submit():
        try:
            change_keeping(
                clinic_id=clinic.id,
                keeping=form.keeping,
                version=form.version.data,
                by=current.actor(),
                now=now(),
            )
        except SettingsChanged:
            meanwhile = differences(form, KeepingForm.of(clinic, formdata=NOTHING_TYPED))
            form.version.data = clinic.version
        else:
            flash("Saved. What is older goes in the coming night.", "ok")
            return redirect(url_for("keeping.retention"), 303)
    page = render_template("settings/keeping.html", form=form, meanwhile=meanwhile, audit_years=AUDIT_YEARS)
    return page, 200 if request.method == "GET" else 409 if meanwhile else 422
