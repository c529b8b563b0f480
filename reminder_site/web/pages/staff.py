"""Settings: accounts of the people who work here."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import invitations, staff
from reminder_site.actions.settings_guard import NotHere, SettingsChanged
from reminder_site.actions.staff_rows import EmailTaken, NotYours
from reminder_site.config import settings
from reminder_site.domain.roles import ROLES, manageable, may_manage
from reminder_site.domain.sign_in_limits import INVITED_DAYS, LINK_HOURS
from reminder_site.queries import invitations as invited
from reminder_site.queries import settings as shown
from reminder_site.queries import sign_in_tries
from reminder_site.queries.settings import StaffRow
from reminder_site.web import current, sessions
from reminder_site.web.forms.fields import options
from reminder_site.web.forms.staff import NewStaffForm, PasswordForm, StaffForm
from reminder_site.web.now import now
from reminder_site.web.pages.settings import NOTHING_TYPED

pages = Blueprint("staff", __name__, url_prefix="/settings/staff")
Page = str | Response | tuple[str, int]
NOT_YOURS = "You may not change this account: it is your own, has a higher role, or works for other clinics too."


@pages.get("")
def everyone() -> str:
    """List the accounts of one's clinics."""
    people = [(row, _may_change(row)) for row in shown.staff_of(current.staff().id)]
    names = {clinic.public_id: clinic.name for clinic in current.user().clinics}
    tries = sign_in_tries.many_wrong(now=sessions.real_now())
    wrong = {row.public_id: tries.get(sign_in_tries.keyed(row.email)) for row, _ in people}
    waiting = [
        (row, may_manage(current.staff().role, row.role))
        for row in invited.of_clinics(current.user().clinics, now=sessions.real_now())
    ]
    return render_template("settings/staff.html", people=people, waiting=waiting, roles=ROLES, names=names, wrong=wrong)


@pages.route("/new", methods=["GET", "POST"])
def add() -> Page:
    """Invite somebody; the answer is the same whether or not the address has an account at other clinics."""
    form = NewStaffForm(data={"clinics": [current.clinic().public_id]})
    _offer(form)
    if form.validate_on_submit():
        try:
            invitations.invite(
                email=form.email.data,
                name=form.name.data,
                role=form.role.data,
                password=form.password.data,
                clinics=form.clinics.data,
                by=current.actor(),
                now=sessions.real_now(),
            )
        except EmailTaken:
            form.email.errors = ["There is an account or an invitation with this e-mail address already."]
        except NotYours:
            abort(403)
        else:
            flash(f"{form.name.data} is invited for {INVITED_DAYS} days. Tell them the password in person.", "ok")
            return redirect(url_for("staff.everyone"), 303)
    page = render_template("settings/new_staff.html", form=form, days=INVITED_DAYS)
    return page, 422 if form.errors else 200


@pages.post("/invitations/<invitation_id>/withdraw")
def withdraw(invitation_id: str) -> Response:
    """Withdraw an invitation that nobody has accepted yet."""
    try:
        invitations.withdraw(invitation=invitation_id, by=current.actor(), now=sessions.real_now())
    except NotHere:
        abort(404)
    flash("The invitation is withdrawn.", "ok")
    return redirect(url_for("staff.everyone"), 303)


@pages.route("/<staff_id>", methods=["GET", "POST"])
def change(staff_id: str) -> Page:
    """Change somebody's name, role and clinics."""
    row = _find(staff_id)
    form = StaffForm(data=vars(row))
    _offer(form)
    quicker = False
    if form.validate_on_submit():
        try:
            staff.change_staff(
                staff=staff_id,
                name=form.name.data,
                role=form.role.data,
                clinics=form.clinics.data,
                version=form.version.data,
                by=current.actor(),
                now=now(),
            )
        except NotYours:
            form.form_errors.append(NOT_YOURS)
        except SettingsChanged:
            quicker, row = True, _find(staff_id)
            form.version.data = row.version
        else:
            flash("Saved.", "ok")
            return redirect(url_for("staff.everyone"), 303)
    status = 409 if quicker else 422 if form.errors else 200
    return _page(row, form, PasswordForm([], formdata=NOTHING_TYPED), quicker), status


@pages.post("/<staff_id>/password")
def set_password(staff_id: str) -> Page:
    """Set somebody's new password; they are signed out everywhere."""
    row = _find(staff_id)
    form = PasswordForm([row.name, row.email, *(clinic.name for clinic in current.user().clinics)])
    words = ""
    if form.validate():
        try:
            staff.set_password(staff=staff_id, password=form.password.data, by=current.actor(), now=now())
        except NotYours:
            words = NOT_YOURS
        else:
            flash(f"{row.name} has a new password and is signed out everywhere.", "ok")
            return redirect(url_for("staff.everyone"), 303)
    if words:
        form.password.errors = [words]
    facts = StaffForm(data=vars(row), formdata=NOTHING_TYPED)
    _offer(facts)
    return _page(row, facts, form, False), 422


@pages.post("/<staff_id>/link")
def give_link(staff_id: str) -> Page:
    """Show a link, once, by which somebody can sign in on a device that the site does not know."""
    row = _find(staff_id)
    try:
        token = staff.give_link(staff=staff_id, by=current.actor(), now=sessions.real_now())
    except NotYours:
        flash(NOT_YOURS, "error")
        return redirect(url_for("staff.everyone"), 303)
    link = settings().public_base_url + url_for("accounts.take_link", token=token)
    return render_template("settings/sign_in_link.html", person=row, link=link, hours=LINK_HOURS)


@pages.post("/<staff_id>/factor/off")
def take_factor(staff_id: str) -> Response:
    """Take somebody's second factor away, for whoever has lost the phone."""
    row = _find(staff_id)
    try:
        staff.take_factor(staff=staff_id, by=current.actor(), now=sessions.real_now())
    except (NotYours, NotHere):
        flash(NOT_YOURS, "error")
    except staff.NoFactor:
        flash(f"{row.name} has no second factor.", "ok")
    else:
        flash(f"The second factor of {row.name} is taken away, and {row.name} is signed out everywhere.", "ok")
    return redirect(url_for("staff.everyone"), 303)


@pages.post("/<staff_id>/off")
def switch_off(staff_id: str) -> Response:
    """Switch an account off: its sessions end at once."""
    return _switch(staff_id, False)


@pages.post("/<staff_id>/on")
def switch_on(staff_id: str) -> Response:
    """Switch an account on again."""
    return _switch(staff_id, True)


def _switch(staff_id: str, on: bool) -> Response:
    row = _find(staff_id)
    try:
        staff.switch_staff(staff=staff_id, on=on, by=current.actor(), now=now())
    except (NotYours, NotHere):
        flash(NOT_YOURS, "error")
    else:
        flash(f"{row.name} can sign in again." if on else f"{row.name} is switched off and signed out.", "ok")
    return redirect(url_for("staff.everyone"), 303)


def _find(staff_id: str) -> StaffRow:
    return shown.staff_member(current.staff().id, staff_id) or abort(404)


def _may_change(row: StaffRow) -> bool:
    mine = current.staff()
    return row.public_id != mine.public_id and not row.elsewhere and may_manage(mine.role, row.role)


def _offer(form: NewStaffForm | StaffForm) -> None:
    """Give a form the roles and clinics that whoever asks may give."""
    form.role.choices = options(manageable(current.staff().role))
    form.clinics.choices = options((clinic.public_id, clinic.name) for clinic in current.user().clinics)


def _page(row: StaffRow, form: StaffForm, password: PasswordForm, quicker: bool) -> str:
    shown_facts: dict[str, Any] = {"person": row, "may_change": _may_change(row), "roles": ROLES}
    return render_template("settings/staff_member.html", form=form, password=password, quicker=quicker, **shown_facts)
