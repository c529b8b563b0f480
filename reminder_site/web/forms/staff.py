"""Forms of staff accounts, and of the first run."""

from typing import Any

from email_validator import EmailNotValidError, validate_email
from wtforms import PasswordField, SelectMultipleField, StringField
from wtforms.validators import Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from reminder_site.config import settings
from reminder_site.domain import passwords
from reminder_site.web.forms.accounts import LONGEST_EMAIL, NewPassword
from reminder_site.web.forms.clinics import ClinicForm
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.fields import LineField, PickField, VersionField

PASSWORD_HINT = f"At least {passwords.SHORTEST} characters. A few words that do not belong together work well."


class EmailField(StringField):
    """An e-mail address somebody signs in with."""

    data: Any

    def __init__(self, label: str = "E-mail address", **kwargs: Any) -> None:
        render = {"type": "email", "autocomplete": "off", "spellcheck": "false"}
        too_long = Length(max=LONGEST_EMAIL, message="This is too long.")
        super().__init__(label, [too_long], render_kw=render, **kwargs)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        """Refuse what cannot be an address; nothing is looked up."""
        self.data = (self.data or "").strip()
        try:
            validate_email(self.data, check_deliverability=False, test_environment=True)
        except EmailNotValidError as refused:
            raise ValidationError("Write an e-mail address like name@clinic.example.") from refused


class ClinicsField(SelectMultipleField):
    """Which clinics somebody works for, as ticks."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class NewStaffForm(DeskForm):
    """A new account."""

    name = LineField("Name", longest=80, needed="Give the person's name.")
    email = EmailField()
    role = PickField("Role")
    clinics = ClinicsField("Works for")
    password = PasswordField(
        "First password",
        [NewPassword(lambda form: form.known())],
        description=PASSWORD_HINT + " Tell it in person; it can be changed after signing in.",
        render_kw={"autocomplete": "new-password"},
    )

    def known(self) -> list[str]:
        """Return the words somebody would try first."""
        return [self.name.data or "", self.email.data or "", *(option.label for option in self.clinics.choices)]

    def validate_clinics(self, field: Any) -> None:
        """Refuse an account that could open nothing."""
        if not field.data:
            raise ValidationError("Tick at least one clinic.")


class StaffForm(DeskForm):
    """Somebody's name, role and clinics."""

    name = LineField("Name", longest=80, needed="Give the person's name.")
    role = PickField("Role")
    clinics = ClinicsField("Works for")
    version = VersionField()

    def validate_clinics(self, field: Any) -> None:
        """Refuse an account that could open nothing."""
        if not field.data:
            raise ValidationError("Tick at least one clinic, or switch the account off.")


class PasswordForm(DeskForm):
    """A new password for somebody who has forgotten theirs."""

    password = PasswordField(
        "New password",
        [NewPassword(lambda form: form.known)],
        description=PASSWORD_HINT + " Tell it in person.",
        render_kw={"autocomplete": "new-password"},
    )

    def __init__(self, known: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.known = known


class SetUpForm(ClinicForm):
    """The first account together with the first clinic; a live site asks for the code of its machine too."""

    code = LineField(
        "Code of this machine",
        longest=80,
        needed="Type the code that the machine shows.",
        description="Whoever runs the site gets it on the machine itself, by the command flask --app wsgi set-up-code",
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )

    your_name = LineField("Your name", longest=80, needed="Give your name.")
    email = EmailField("Your e-mail address")
    password = PasswordField(
        "Your password",
        [NewPassword(lambda form: [form.your_name.data or "", form.email.data or "", form.name.data or ""])],
        description=PASSWORD_HINT,
        render_kw={"autocomplete": "new-password"},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings().is_live:
            del self.code
