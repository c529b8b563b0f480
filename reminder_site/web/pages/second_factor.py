"""The second factor: its code at sign-in; on one's own account setting it up, new recovery codes, taking it away."""

from collections.abc import Callable

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from reminder_site.actions import accounts, sign_in_tries
from reminder_site.actions import second_factor as actions
from reminder_site.actions.factor_codes import NotSetUp, WrongCode
from reminder_site.actions.second_factor import Draft
from reminder_site.domain import second_factor as rules
from reminder_site.queries import second_factor as kept
from reminder_site.web import current, devices, sessions
from reminder_site.web.forms.second_factor import ProveForm, SetUpFactorForm, SignInCodeForm
from reminder_site.web.pages.accounts import NEEDS_LINK
from reminder_site.web.welcome import way_in

pages = Blueprint("second_factor", __name__)
Page = str | Response | tuple[str, int]
WRONG = "This code does not fit, or it was used before. Please take the one that is shown now."
WRONG_PASSWORD = "This is not your password."  # noqa: S105 - words beside the field


@pages.route("/sign-in/code", methods=["GET", "POST"])
def ask() -> Page:
    """Ask whoever typed the right password for a code of the second factor."""
    waiting = kept.awaited(sessions.awaited_token(), now=sessions.real_now())
    if waiting is None:
        return _sign_in_anew()
    form = SignInCodeForm(data={"next": request.args.get("next", "")} if request.method == "GET" else None)
    if not form.validate_on_submit():
        return _code_page(form)
    try:
        token = actions.pass_code(
            token=sessions.awaited_token(),
            code=form.code.data,
            device=devices.known_for(waiting.email),
            now=sessions.real_now(),
        )
    except sign_in_tries.TooManyTries as refused:
        raise TooManyRequests(retry_after=refused.wait_seconds) from refused
    except sign_in_tries.NeedsLink:
        form.form_errors.append(NEEDS_LINK)
        return render_template("accounts/sign_in_code.html", form=form), 429
    except WrongCode:
        form.code.errors = [WRONG]
        return _code_page(form)
    except (actions.NotAwaited, NotSetUp):
        return _sign_in_anew()
    sessions.begin(token)
    devices.remember(waiting.email)
    _tell_of_few_codes()
    return redirect(way_in(form.next.data), 303)


@pages.route("/account/second-factor", methods=["GET", "POST"])
def show() -> Page:
    """Show one's own second factor, or set one up: a secret to read in, and its first code."""
    if kept.shown(current.staff().id):
        return _own(ProveForm(formdata=None))
    form = SetUpFactorForm()
    if request.method == "GET":
        return _set_up_page(form, actions.draft(staff=current.staff().public_id, now=sessions.real_now()))
    try:
        draft = actions.drafted(staff=current.staff().public_id, sealed=form.sealed.data or "", now=sessions.real_now())
    except actions.OldPage:
        flash("That page had been open for too long. Please begin anew with this code.", "warn")
        return redirect(url_for("second_factor.show"), 303)
    if not form.validate():
        return _set_up_page(form, draft)
    done = _changed(form, actions.set_up, secret=draft.secret)
    return _codes_page(done) if done else _set_up_page(form, draft)


@pages.post("/account/second-factor/codes")
def renew() -> Page:
    """Show ten new recovery codes, once; those before are void."""
    form = ProveForm()
    done = _changed(form, actions.renew_codes) if form.validate() else None
    return _codes_page(done) if done else _own(form)


@pages.post("/account/second-factor/off")
def take_away() -> Page:
    """Take one's own second factor away."""
    form = ProveForm()
    done = _changed(form, lambda **given: (actions.take_away(**given), [])) if form.validate() else None
    if done is None:
        return _own(form)
    sessions.begin(done[0])
    flash("Your second factor is taken away. You are signed out everywhere else.", "ok")
    return redirect(url_for("accounts.account"), 303)


def _changed(
    form: SetUpFactorForm | ProveForm, act: Callable[..., tuple[str, list[str]]], **given: str
) -> tuple[str, list[str]] | None:
    """Have a change of one's own second factor made; None when it was refused, with the reason beside its field."""
    try:
        return act(
            staff_id=current.staff().id,
            present=form.present.data,
            code=form.code.data,
            by=current.actor(),
            now=sessions.real_now(),
            **given,
        )
    except sign_in_tries.TooManyTries as refused:
        raise TooManyRequests(retry_after=refused.wait_seconds) from refused
    except (WrongCode, sign_in_tries.NeedsLink):
        form.code.errors = [WRONG]
    except accounts.WrongPassword:
        form.present.errors = [WRONG_PASSWORD]
    except (NotSetUp, actions.OldPage):
        form.code.errors = ["This was changed in another window meanwhile. Please open the page anew."]
    return None


def _sign_in_anew() -> Response:
    if not current.signed_in():
        flash("Please sign in with your password first.", "warn")
    return redirect(url_for("accounts.sign_in"), 303)


def _code_page(form: SignInCodeForm) -> Page:
    return render_template("accounts/sign_in_code.html", form=form), 422 if form.errors else 200


def _set_up_page(form: SetUpFactorForm, draft: Draft) -> Page:
    form.sealed.data = draft.sealed
    address = actions.app_address(
        secret=draft.secret, email=current.staff().email, clinic=current.clinic().name.replace(":", " ")
    )
    picture = segno.make(address, error="m", micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
    shown = {"picture": picture, "address": address, "secret": rules.spaced(draft.secret)}
    page = render_template("accounts/second_factor_set_up.html", form=form, must=current.user().needs_factor, **shown)
    return page, 422 if form.errors else 200


def _own(form: ProveForm) -> Page:
    factor = kept.shown(current.staff().id)
    if factor is None:
        return redirect(url_for("second_factor.show"), 303)
    must = rules.is_needed(current.staff().role, live=True)
    page = render_template("accounts/second_factor.html", form=form, factor=factor, must=must)
    return page, 422 if form.errors else 200


def _codes_page(done: tuple[str, list[str]]) -> Page:
    """Show recovery codes, once, in a session that began afresh."""
    token, codes = done
    sessions.begin(token)
    grouped = [rules.grouped(code) for code in codes]
    return render_template("accounts/recovery_codes.html", codes=grouped, onward=way_in(url_for("accounts.account")))


def _tell_of_few_codes() -> None:
    factor = kept.shown(current.staff().id)
    if factor and factor.codes_left < rules.FEW_CODES:
        left = "1 recovery code is" if factor.codes_left == 1 else f"{factor.codes_left} recovery codes are"
        flash(f"Only {left} left. Your account page makes new ones.", "warn")
