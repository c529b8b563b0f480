"""Forms of a clinic's rules, wording, clinicians and kinds of appointment."""

from typing import Any

from wtforms import BooleanField, TextAreaField
from wtforms.validators import ValidationError

from reminder_site.domain import wording
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.rules import Rule, never_fires
from reminder_site.domain.text_safety import TextRefused, clean_text, strip_controls
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.fields import ClockField, LineField, PickField, VersionField, WholeField, options

KINDS = [("days_before", "days before, at a time of day"), ("hours_before", "hours before the start")]
ASKS = [
    ("always", "ask for an answer"),
    ("if_unconfirmed", "ask only while unconfirmed, else a short reminder"),
    ("never", "a short reminder that asks nothing"),
]


class RuleForm(DeskForm):
    """One reminder rule. Which fields count depends on its kind; the rest keep their values."""

    name = LineField("Name", longest=60, needed="Give the reminder a name, such as “3 days before”.")
    kind = PickField("Sent", choices=options(KINDS))
    days = WholeField("Days before", least=0, most=60)
    at = ClockField("At", description="In the clinic's time.")
    hours = WholeField("Hours before", least=0, most=336)
    asks = PickField("The text should", choices=options(ASKS))
    min_lead_minutes = WholeField(
        "Minutes before the start, at the latest", least=0, most=1440, description="Nothing is sent later than this."
    )
    enabled = BooleanField("In use")
    version = VersionField()

    def __init__(self, quiet: QuietHours, key: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.quiet, self.key = quiet, key
        if key == "confirmation":
            self.kind.choices = options([("confirmation", "once the time to undo has passed")])

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse, beside the field to blame, a rule that could never send anything."""
        if not super().validate(extra_validators):
            return False
        words = never_fires(self.rule(), self.quiet) if self.enabled.data else None
        if words:
            blamed = self.hours if self.kind.data == "hours_before" else self.at if self.at.data is None else self.days
            blamed.errors = [words]
        return words is None

    def rule(self) -> Rule:
        """Return what was typed as a rule."""
        return Rule(
            key=self.key,
            name=self.name.data,
            kind=self.kind.data,
            days=self.days.data,
            at=self.at.data,
            hours=self.hours.data,
            asks=self.asks.data,
            enabled=self.enabled.data,
            min_lead_minutes=self.min_lead_minutes.data,
        )


def _clean(field: Any) -> None:
    """Take out what no text can hold, or refuse it."""
    try:
        field.data = clean_text(field.data or "", wording.LONGEST)
    except TextRefused as refused:
        field.data = strip_controls(field.data)
        raise ValidationError(refused.words) from refused


class TemplateForm(DeskForm):
    """The wording of one kind of text; the page sets `text_kind` before it validates."""

    text_kind: str = ""

    body = TextAreaField("Text", render_kw={"rows": 6, "spellcheck": "true", "maxlength": wording.LONGEST})
    version = VersionField()

    def validate_body(self, field: Any) -> None:
        """Refuse what cannot be sent, with every reason at once."""
        _clean(field)
        problems = wording.check(field.data, self.text_kind)
        if problems:
            raise ValidationError(" ".join(problems))


class ConsentWordingForm(DeskForm):
    """What patients are read or sign when they agree to texts."""

    body = TextAreaField("Wording", render_kw={"rows": 7, "spellcheck": "true", "maxlength": wording.LONGEST})

    def validate_body(self, field: Any) -> None:
        """Refuse what cannot be kept or says nothing."""
        _clean(field)
        if not field.data:
            raise ValidationError("Write what patients are read.")


class ClinicianForm(DeskForm):
    """Somebody patients are booked with."""

    name = LineField("Name", longest=80, needed="Give the name as patients know it.")
    active = BooleanField("Can be booked", default=True)
    version = VersionField()


class TypeForm(DeskForm):
    """A kind of appointment and how long it takes."""

    name = LineField("Name", longest=60, needed="Give it a name, such as “Check-up”.")
    duration_minutes = WholeField("Minutes", least=5, most=720)
    active = BooleanField("Can be booked", default=True)
    version = VersionField()
