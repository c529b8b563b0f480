"""The first run: one page makes the first account and the first clinic; afterwards it does not exist."""

import logging

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import set_up as actions
from reminder_site.actions.staff_rows import EmailTaken
from reminder_site.queries.accounts import anybody
from reminder_site.web.forms.staff import SetUpForm
from reminder_site.web.now import now

pages = Blueprint("set_up", __name__)
log = logging.getLogger("reminder_site.security")


@pages.route("/set-up", methods=["GET", "POST"])
def first_run() -> Response | tuple[str, int]:
    """Ask for the first account and clinic; gone once there is an account."""
    if anybody():
        abort(404)
    form = SetUpForm() if request.method == "POST" else SetUpForm.blank()
    if not form.validate_on_submit():
        return _page(form, 422 if form.is_submitted() else 200)
    try:
        actions.set_up(
            email=form.email.data,
            name=form.your_name.data,
            password=form.password.data,
            clinic=form.facts(),
            code=form.data.get("code", ""),
            now=now(),
        )
    except actions.AlreadySetUp:
        abort(404)
    except actions.WrongCode:
        log.warning("a wrong code was typed to set the site up, from %s", request.remote_addr)
        form.code.errors = ["This is not the code, or it is no longer good. The same command shows a fresh one."]
        return _page(form, 422)
    except EmailTaken:
        form.email.errors = ["There is an account with this e-mail address already."]
        return _page(form, 422)
    flash("The site is set up. Sign in to begin.", "ok")
    return redirect(url_for("accounts.sign_in"), 303)


def _page(form: SetUpForm, status: int) -> tuple[str, int]:
    return render_template("settings/set_up.html", form=form), status
