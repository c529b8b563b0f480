"""Signing in and out, one's own account, and which clinic is open."""

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from reminder_site.actions import accounts, kept_forms, passkeys, sign_in_tries
from reminder_site.queries import invitations, second_factor
from reminder_site.queries import passkeys as kept_passkeys
from reminder_site.queries.accounts import anybody, sessions_of
from reminder_site.queries.kept_forms import waiting
from reminder_site.web import current, devices, sessions
from reminder_site.web.forms.accounts import ChangePasswordForm, SignInForm
from reminder_site.web.redirects import safe_next
from reminder_site.web.welcome import way_in

pages = Blueprint("accounts", __name__)
NEEDS_LINK = (
    "There were too many wrong passwords for this account on devices it does not know. On a device where you have "
    "signed in before you still can. For this one, ask an administrator of your clinic for a link."
)
Page = str | Response | tuple[str, int]


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Page:
    """Ask for e-mail address and password; unknown and known accounts get the same answer."""
    if not anybody():
        return redirect(url_for("set_up.first_run"))
    if request.method == "GET" and current.signed_in():
        return redirect(_waiting() or safe_next(request.args.get("next")))
    form = SignInForm(data={"next": request.args.get("next", "")} if request.method == "GET" else None)
    if not form.validate_on_submit():
        return _sign_in_page(form)
    address = request.remote_addr or ""
    try:
        opened = accounts.sign_in(
            email=form.email.data,
            password=form.password.data,
            address=address,
            device=devices.known_for(form.email.data),
            instead_of=current.user().token if current.signed_in() else "",
            now=sessions.real_now(),
        )
    except sign_in_tries.TooManyTries as refused:
        raise TooManyRequests(retry_after=refused.wait_seconds) from refused
    except sign_in_tries.NeedsLink:
        form.form_errors.append(NEEDS_LINK)
        return _sign_in_page(form, 429)
    except accounts.SignInRefused:
        form.form_errors.append("E-mail address and password do not belong together. Please try again.")
        return _sign_in_page(form)
    if opened.awaits_code:
        sessions.await_code(opened.token)
        return redirect(url_for("second_factor.ask", next=form.next.data or None), 303)
    sessions.begin(opened.token)
    devices.remember(form.email.data)
    return redirect(way_in(form.next.data), 303)


@pages.route("/sign-in/link/<token>", methods=["GET", "POST"])
def take_link(token: str) -> Page:
    """Make this browser known for the account that an administrator gave the link for; the password is still needed."""
    if request.method == "GET":
        return render_template("accounts/take_link.html", token=token)
    try:
        email = accounts.take_link(token=token, now=sessions.real_now())
    except accounts.BadLink:
        abort(410)
    devices.remember(email)
    flash("This device is known now. Sign in as usual.", "ok")
    return redirect(url_for("accounts.sign_in"), 303)


@pages.post("/sign-out")
def sign_out() -> Response:
    """End this session for good; a copy of its cookie opens nothing any more."""
    accounts.sign_out(token=current.user().token, by=current.actor(), now=sessions.real_now())
    sessions.end()
    flash("You are signed out.", "ok")
    return redirect(url_for("accounts.sign_in"), 303)


@pages.route("/account", methods=["GET", "POST"])
def account() -> Page:
    """Show one's own account and change its password."""
    user = current.user()
    form = ChangePasswordForm([user.staff.name, user.staff.email, *(clinic.name for clinic in user.clinics)])
    if form.validate_on_submit():
        try:
            token = accounts.change_password(
                staff_id=user.staff.id,
                present=form.present.data,
                new=form.new.data,
                by=current.actor(),
                now=sessions.real_now(),
            )
        except sign_in_tries.TooManyTries as refused:
            raise TooManyRequests(retry_after=refused.wait_seconds) from refused
        except accounts.WrongPassword:
            form.present.errors = ["This is not your present password."]
        else:
            sessions.begin(token)
            flash("Your password is changed. You are signed out everywhere else, and your passkeys are gone.", "ok")
            return redirect(url_for("accounts.account"), 303)
    sessions_here = sessions_of(user.staff.id, token=user.token, now=sessions.real_now())
    invited = invitations.to_address(user.staff.email, now=sessions.real_now())
    shown = {"browsers": sessions_here, "factor": second_factor.shown(user.staff.id), "invited": invited}
    keys = kept_passkeys.of(user.staff.id) if passkeys.is_possible() else None
    return render_template("accounts/account.html", form=form, passkeys=keys, **shown), 422 if form.errors else 200


@pages.post("/account/sessions/end")
def end_session() -> Response:
    """Sign oneself out at another browser."""
    try:
        accounts.end_session(key=request.form.get("session", ""), by=current.actor(), now=sessions.real_now())
    except accounts.NotYourSession:
        flash("That browser was signed out already.", "ok")
    else:
        flash("You are signed out there.", "ok")
    return redirect(url_for("accounts.account"), 303)


@pages.post("/clinics/current")
def switch_clinic() -> Response:
    """Open another of one's clinics."""
    clinic, kept = request.form.get("clinic_id", ""), request.form.get("kept", "")
    try:
        accounts.switch_clinic(token=current.user().token, clinic=clinic, by=current.actor(), now=sessions.real_now())
    except accounts.NotYourClinic:
        abort(404)
    return redirect(url_for("kept.show", kept_id=kept) if kept else "/", 303)


def _waiting() -> str | None:
    """Return where a form is shown that another tab sent meanwhile, for somebody who has signed in by now."""
    since = sessions.real_now().subtract(minutes=kept_forms.KEPT_MINUTES)
    found = waiting(staff_id=current.staff().id, since=since)
    return url_for("kept.show", kept_id=found) if found else None


def _sign_in_page(form: SignInForm, status: int = 422) -> Page:
    if g.get("form_expired"):
        form.form_errors.append("This page had been open for too long. Please type your password once more.")
    page = render_template("accounts/sign_in.html", form=form, offer=passkeys.offer_sign_in(now=sessions.real_now()))
    return page, status if form.errors or form.form_errors else 200
