"""The first run: one page makes the first account and the first clinic; afterwards it does not exist."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import set_up as actions
from reminder_site.queries.accounts import anybody
from reminder_site.web.forms.staff import SetUpForm
from reminder_site.web.now import now

pages = Blueprint("set_up", __name__)


@pages.route("/set-up", methods=["GET", "POST"])
def first_run() -> Response | tuple[str, int]:
    """Ask for the first account and clinic; gone once there is an account."""
    if anybody():
        abort(404)
    form = SetUpForm() if request.method == "POST" else SetUpForm.blank()
    if not form.validate_on_submit():
        return render_template("settings/set_up.html", form=form), 422 if form.is_submitted() else 200
    try:
        actions.set_up(
            email=form.email.data,
            name=form.your_name.data,
            password=form.password.data,
            clinic=form.facts(),
            now=now(),
        )
    except actions.AlreadySetUp:
        abort(404)
    flash("The site is set up. Sign in to begin.", "ok")
    return redirect(url_for("accounts.sign_in"), 303)
