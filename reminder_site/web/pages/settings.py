"""Settings: the overview, the clinic itself, when it texts, its closed days."""

from datetime import date

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import clinics
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.domain.refusals import QuietHoursNeeded
from reminder_site.domain.times import to_local
from reminder_site.queries import settings as shown
from reminder_site.web import current
from reminder_site.web.forms.clinics import ClinicForm, ClosedDayForm, TextingForm
from reminder_site.web.now import now
from reminder_site.web.saved import differences, say_saved

pages = Blueprint("settings", __name__, url_prefix="/settings")
Page = str | Response | tuple[str, int]
NOTHING_TYPED = None  # to a form: leave what came with the request alone


@pages.get("")
def overview() -> str:
    """Show what can be set, and what this role may."""
    clinic = current.clinic()
    return render_template(
        "settings/overview.html",
        clinic=clinic,
        rules=[row.rule for row in shown.rules(clinic.id)],
        may_read=current.staff().role != "reception",
        unfinished=shown.unfinished(clinic.id, now=now()),
    )


@pages.route("/clinic", methods=["GET", "POST"])
def clinic() -> Page:
    """Change what the clinic is and when it is open."""
    present = current.clinic()
    if request.method == "GET":
        return render_template("settings/clinic.html", form=ClinicForm.of(present), meanwhile=[])
    form, meanwhile = ClinicForm(), []
    if form.validate():
        try:
            clinics.change_clinic(
                clinic_id=present.id, facts=form.facts(), version=form.version.data, by=current.actor(), now=now()
            )
        except SettingsChanged:
            meanwhile = differences(form, ClinicForm.of(present, formdata=NOTHING_TYPED))
            form.version.data = present.version
        else:
            say_saved()
            return redirect(url_for("settings.clinic"), 303)
    return render_template("settings/clinic.html", form=form, meanwhile=meanwhile), 409 if meanwhile else 422


@pages.route("/texting", methods=["GET", "POST"])
def texting() -> Page:
    """Change when and how much the clinic texts."""
    present = current.clinic()
    form, meanwhile = TextingForm(present), []
    if form.validate_on_submit():
        try:
            clinics.change_texting(
                clinic_id=present.id, facts=form.facts(), version=form.version.data, by=current.actor(), now=now()
            )
        except SettingsChanged:
            meanwhile = differences(form, TextingForm(present, formdata=NOTHING_TYPED))
            form.version.data = present.version
        except QuietHoursNeeded as refused:
            form.quiet_closes.errors = [refused.words]
        else:
            say_saved()
            return redirect(url_for("settings.texting"), 303)
    return _texting_page(form, ClosedDayForm(formdata=NOTHING_TYPED), meanwhile)


@pages.post("/closed-days")
def close() -> Page:
    """Name a day on which the clinic is closed."""
    form = ClosedDayForm()
    if not form.validate():
        return _texting_page(TextingForm(current.clinic(), formdata=NOTHING_TYPED), form, [])
    clinics.close_on(
        clinic_id=current.clinic().id,
        closed_on=form.closed_on.data,
        name=form.closed_name.data,
        by=current.actor(),
        now=now(),
    )
    say_saved(f"Closed on {form.closed_on.data:%-d %B %Y}.")
    return redirect(url_for("settings.texting") + "#closed", 303)


@pages.post("/closed-days/<closed_on>/open")
def reopen(closed_on: str) -> Response:
    """Take a closed day out again."""
    try:
        day = date.fromisoformat(closed_on)
        clinics.open_again_on(clinic_id=current.clinic().id, closed_on=day, by=current.actor(), now=now())
    except (ValueError, NotHere):
        abort(404)
    say_saved("The clinic is open on that day.")
    return redirect(url_for("settings.texting") + "#closed", 303)


@pages.route("/clinics/new", methods=["GET", "POST"])
def add_clinic() -> Page:
    """Open another clinic."""
    form = ClinicForm() if request.method == "POST" else ClinicForm.blank()
    if form.validate_on_submit():
        clinics.add_clinic(facts=form.facts(), by=current.actor(), now=now())
        say_saved(f"{form.name.data} is added. Choose it at the top of the page to open it.")
        return redirect(url_for("settings.overview"), 303)
    return render_template("settings/new_clinic.html", form=form), 422 if form.is_submitted() else 200


def _texting_page(form: TextingForm, day: ClosedDayForm, meanwhile: list[dict[str, str]]) -> Page:
    clinic = current.clinic()
    today = to_local(now(), clinic.time_zone).date()
    page = render_template(
        "settings/texting.html",
        form=form,
        day=day,
        meanwhile=meanwhile,
        closed=shown.closed(clinic, today=today),
        today=today,
    )
    return page, 409 if meanwhile else 422 if form.errors or day.errors else 200
