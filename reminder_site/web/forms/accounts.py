"""Forms around one's own account: signing in, changing the password."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length, StopValidation, ValidationError

from reminder_site.domain import passwords
from reminder_site.web.forms.desk import DeskForm

LONGEST_EMAIL = 254


class SignInForm(FlaskForm):
    """E-mail address and password; whether either is right is told for both at once."""

    email = StringField(
        "E-mail address",
        [InputRequired("Type your e-mail address."), Length(max=LONGEST_EMAIL, message="This is too long.")],
        render_kw={"type": "email", "autocomplete": "username", "autofocus": True, "spellcheck": "false"},
    )
    password = PasswordField(
        "Password", [InputRequired("Type your password.")], render_kw={"autocomplete": "current-password"}
    )
    next = HiddenField()


class NewPassword:
    """Checks a new password against domain.passwords; `known` gives the words that somebody would try first."""

    def __init__(self, known: Any) -> None:
        self.known = known

    def __call__(self, form: Any, field: Any) -> None:
        """Raise the refusal in words."""
        if not field.data:
            raise StopValidation("Type the new password.")
        words = passwords.refusal(field.data, known=self.known(form))
        if words:
            raise StopValidation(words)


class ChangePasswordForm(DeskForm):
    """One's own new password; the present one proves who is at the keyboard."""

    present = PasswordField(
        "Present password",
        [InputRequired("Type your present password.")],
        render_kw={"autocomplete": "current-password"},
    )
    new = PasswordField(
        "New password",
        [NewPassword(lambda form: form.known)],
        description=f"At least {passwords.SHORTEST} characters. A few words that do not belong together work well.",
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField("New password once more", render_kw={"autocomplete": "new-password"})

    def __init__(self, known: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known

    def validate_again(self, field: Any) -> None:
        """Refuse a second typing that differs."""
        if field.data != self.new.data:
            raise ValidationError("The two do not match.")
