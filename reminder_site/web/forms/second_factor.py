"""Forms of the second factor: its code at sign-in, setting it up, and proving both factors to change it."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from reminder_site.web.forms.desk import DeskForm

CODE = {"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}


class CodeField(StringField):
    """A code as it was typed."""

    def __init__(self, label: str = "Code", needed: str = "Type the code.", **kwargs: Any) -> None:
        super().__init__(label, [InputRequired(needed), Length(max=40, message="This is too long.")], **kwargs)


class PresentPassword(PasswordField):
    """The present password, which proves who is at the keyboard."""

    def __init__(self, **kwargs: Any) -> None:
        needed = InputRequired("Type your password.")
        super().__init__("Your password", [needed], render_kw={"autocomplete": "current-password"}, **kwargs)


class SignInCodeForm(FlaskForm):
    """The code that follows a right password."""

    code = CodeField(render_kw={**CODE, "autofocus": True})
    next = HiddenField()


class SetUpFactorForm(DeskForm):
    """The first code of an app that has read the secret; the secret travels sealed."""

    sealed = HiddenField()
    code = CodeField("Code that the app shows", render_kw={**CODE, "inputmode": "numeric"})
    present = PresentPassword()


class ProveForm(DeskForm):
    """Both factors, anew, from somebody who is signed in."""

    code = CodeField("Code of the app, or a recovery code", render_kw=CODE)
    present = PresentPassword()
