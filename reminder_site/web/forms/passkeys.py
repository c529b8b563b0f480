"""Forms of passkeys: the browser puts its answer into a hidden field and sends the form as any other."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from reminder_site.domain.passkeys import LONGEST_NAME
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.second_factor import CODE, CodeField, PresentPassword


class PasskeySignInForm(FlaskForm):
    """A passkey's answer at the sign-in page."""

    sealed = HiddenField()
    passkey_answer = HiddenField()
    next = HiddenField()


class PasskeyForm(DeskForm):
    """A new passkey with a name, or one to remove; both factors are proved anew."""

    sealed = HiddenField()
    passkey_answer = HiddenField()
    name = StringField(
        "What you call it",
        [Length(max=LONGEST_NAME, message="This is too long.")],
        description="For instance the device it is on.",
        render_kw={"autocomplete": "off"},
    )
    present = PresentPassword()
    code = CodeField("Code of the app, or a recovery code", render_kw=CODE)

    def __init__(self, *, has_factor: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not has_factor:
            del self.code
