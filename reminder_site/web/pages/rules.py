"""Settings: the reminder rules, each with its reason."""

from datetime import time

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import rules
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.rules import Rule
from reminder_site.queries import settings as shown
from reminder_site.web import current
from reminder_site.web.forms.settings import RuleForm
from reminder_site.web.now import now
from reminder_site.web.pages.settings import NOTHING_TYPED
from reminder_site.web.saved import differences, say_saved

pages = Blueprint("rules", __name__, url_prefix="/settings/rules")
Page = str | Response | tuple[str, int]
FRESH = Rule("", "", "days_before", days=2, at=time(10), hours=2)


@pages.get("")
def all_rules() -> str:
    """List the rules with the evidence for the defaults."""
    clinic = current.clinic()
    return render_template(
        "settings/rules.html", rules=shown.rules(clinic.id), coming=shown.coming(clinic.id, now=now()), clinic=clinic
    )


@pages.route("/new", methods=["GET", "POST"])
def add() -> Page:
    """Add a rule."""
    form = _form(FRESH)
    if form.validate_on_submit():
        try:
            rules.add_rule(clinic_id=current.clinic().id, wanted=form.rule(), by=current.actor(), now=now())
        except rules.TooManyRules:
            form.form_errors.append(f"There are {rules.MOST_RULES} rules already; change one of them instead.")
        else:
            say_saved("The rule is added.")
            return redirect(url_for("rules.all_rules"), 303)
    return render_template("settings/rule.html", form=form, rule=None, meanwhile=[]), 422 if form.errors else 200


@pages.route("/<rule_id>", methods=["GET", "POST"])
def change(rule_id: str) -> Page:
    """Change a rule; coming appointments are planned anew."""
    clinic = current.clinic()
    found = shown.rule(clinic.id, rule_id) or abort(404)
    form, meanwhile = _form(found.rule), []
    if form.validate_on_submit():
        try:
            rules.change_rule(
                clinic_id=clinic.id,
                rule=rule_id,
                wanted=form.rule(),
                version=form.version.data,
                by=current.actor(),
                now=now(),
            )
        except SettingsChanged:
            meanwhile = differences(form, _form(found.rule, formdata=NOTHING_TYPED))
            form.version.data = clinic.version
            if not meanwhile:
                flash("Somebody else had just saved the same.", "ok")
                return redirect(url_for("rules.all_rules"), 303)
        else:
            say_saved()
            return redirect(url_for("rules.all_rules"), 303)
    status = 409 if meanwhile else 422 if form.errors else 200
    return render_template("settings/rule.html", form=form, rule=found.rule, meanwhile=meanwhile), status


@pages.post("/<rule_id>/switch")
def switch(rule_id: str) -> Response:
    """Switch a rule on or off."""
    on = request.form.get("on") == "1"
    try:
        rules.switch_rule(clinic_id=current.clinic().id, rule=rule_id, on=on, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    say_saved("The rule is on." if on else "The rule is off.")
    return redirect(url_for("rules.all_rules"), 303)


@pages.post("/cadence")
def cadence() -> Response:
    """Take one of the ready-made cadences."""
    wanted = request.form.get("cadence", "")
    try:
        rules.take_cadence(clinic_id=current.clinic().id, cadence=wanted, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    say_saved("The cadence is in use.")
    return redirect(url_for("rules.all_rules"), 303)


def _form(rule: Rule, **kwargs: object) -> RuleForm:
    clinic = current.clinic()
    quiet = QuietHours(clinic.quiet_opens, clinic.quiet_closes, clinic.texts_on_sundays)
    return RuleForm(quiet, rule.key, data={**vars(rule), "version": clinic.version}, **kwargs)
