"""Passkeys: signing in with one, and on one's own account adding and removing them. Needs JavaScript but to remove."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from reminder_site.actions import accounts, passkeys, sign_in_tries
from reminder_site.actions.factor_codes import NotSetUp, WrongCode
from reminder_site.domain.passkeys import MOST
from reminder_site.queries import passkeys as kept
from reminder_site.queries import second_factor
from reminder_site.web import current, devices, sessions
from reminder_site.web.forms.passkeys import PasskeyForm, PasskeySignInForm
from reminder_site.web.pages.second_factor import WRONG, WRONG_PASSWORD
from reminder_site.web.welcome import way_in

pages = Blueprint("passkeys", __name__)
Page = str | Response | tuple[str, int]
NOT_TAKEN = "The passkey was not taken, or this page had been open for too long. Please try once more."


@pages.post("/sign-in/passkey")
def sign_in() -> Response:
    """Sign in with a passkey, which stands for password and code."""
    form = PasskeySignInForm()
    try:
        token, email = passkeys.sign_in(
            sealed=form.sealed.data or "",
            answer=form.passkey_answer.data or "",
            instead_of=current.user().token if current.signed_in() else "",
            now=sessions.real_now(),
        )
    except (passkeys.BadAnswer, passkeys.NotPossible, accounts.SignInRefused):
        flash(f"{NOT_TAKEN} Your password still works.", "error")
        return redirect(url_for("accounts.sign_in", next=form.next.data or None), 303)
    sessions.begin(token)
    devices.remember(email)
    return redirect(way_in(form.next.data), 303)


@pages.route("/account/passkeys", methods=["GET", "POST"])
def show() -> Page:
    """List one's own passkeys, and add one."""
    form = _form()
    if request.method == "GET" or not form.validate():
        return _page(form)
    done = _changed(
        form,
        lambda **given: passkeys.add(
            name=(form.name.data or "").strip() or "Passkey",
            sealed=form.sealed.data or "",
            answer=form.passkey_answer.data or "",
            **given,
        ),
    )
    return _begin_afresh(done, "Your passkey is kept. You are signed out everywhere else.") if done else _page(form)


@pages.post("/account/passkeys/<passkey_id>/remove")
def remove(passkey_id: str) -> Page:
    """Remove a passkey."""
    form = _form()
    if not form.validate():
        return _page(form)
    done = _changed(form, lambda **given: passkeys.remove(passkey=passkey_id, **given))
    return _begin_afresh(done, "The passkey is removed. You are signed out everywhere else.") if done else _page(form)


def _form() -> PasskeyForm:
    return PasskeyForm(has_factor=second_factor.shown(current.staff().id) is not None)


def _changed(form: PasskeyForm, act: Callable[..., str]) -> str | None:
    """Have a change made; None when it was refused, with the reason beside its field."""
    try:
        return act(
            staff_id=current.staff().id,
            present=form.present.data,
            code=form.data.get("code", ""),
            by=current.actor(),
            now=sessions.real_now(),
        )
    except sign_in_tries.TooManyTries as refused:
        raise TooManyRequests(retry_after=refused.wait_seconds) from refused
    except (WrongCode, NotSetUp, sign_in_tries.NeedsLink):
        form["code" if "code" in form else "present"].errors = [WRONG]
    except accounts.WrongPassword:
        form.present.errors = [WRONG_PASSWORD]
    except passkeys.TooManyPasskeys:
        form.name.errors = [f"You have {MOST} passkeys already: remove one first."]
    except (passkeys.BadAnswer, passkeys.NotPossible):
        form.name.errors = [NOT_TAKEN]
    return None


def _begin_afresh(token: str, words: str) -> Response:
    sessions.begin(token)
    flash(words, "ok")
    return redirect(url_for("passkeys.show"), 303)


def _page(form: PasskeyForm) -> Page:
    try:
        offer = passkeys.offer_new(staff_id=current.staff().id, clinic=current.clinic().name, now=sessions.real_now())
    except passkeys.NotPossible:
        abort(404)
    form.sealed.data, form.passkey_answer.data = offer.sealed, ""
    page = render_template("accounts/passkeys.html", form=form, offer=offer, kept=kept.of(current.staff().id))
    return page, 422 if form.errors else 200
