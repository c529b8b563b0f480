"""Forms about a patient: who they are and their number, and a text written by hand. Each keeps what was typed."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

from wtforms import DateField, HiddenField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional, StopValidation, ValidationError

from reminder_site.actions.patients import Details
from reminder_site.domain import hand_written, phones, wording
from reminder_site.domain.text_safety import TextRefused, clean_text
from reminder_site.web.forms.appointments import CONSENTS, LONGEST_NAME
from reminder_site.web.forms.clinics import zone_choices
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.fields import LineField, PickField, VersionField, options

OLDEST: Final = date(1890, 1, 1)
NO_BROWSER_HELP: Final = {"autocomplete": "off", "spellcheck": "false"}


class DetailsForm(DeskForm):
    """Who a patient is. `country` and `today` (at the clinic) are set by the page before it validates."""

    first_name = LineField(
        "First name",
        longest=LONGEST_NAME,
        needed="Type the first name: it stands in every text.",
        render_kw=NO_BROWSER_HELP,
    )
    last_name = LineField("Family name", longest=LONGEST_NAME, render_kw=NO_BROWSER_HELP)
    phone = StringField("Mobile phone", render_kw={"type": "tel", "maxlength": 60, **NO_BROWSER_HELP})
    born_on = DateField(
        "Born on", [Optional()], invalid_value_message="There is no such day. Write it like 1980-03-24."
    )
    country: str = ""
    today: date
    e164: str = ""

    def validate_phone(self, field: Any) -> None:
        """Read the number as people of the clinic's country write it; none at all is fine."""
        if not (field.data or "").strip():
            return
        try:
            self.e164 = phones.read(field.data, self.country).e164
        except phones.PhoneRefused as refused:
            raise ValidationError(refused.words) from refused

    def validate_born_on(self, field: Any) -> None:
        """Refuse a birthday that nobody can have."""
        if field.data and not OLDEST <= field.data <= self.today:
            raise ValidationError("Nobody was born on that day. Please check the year.")

    @property
    def details(self) -> Details:
        """Return what was typed, once it has been found good."""
        return Details(self.first_name.data, self.last_name.data, self.e164, self.born_on.data)


class NewPatientForm(DetailsForm):
    """A patient to be added; `nonce` marks a form sent twice."""

    nonce = HiddenField()
    consent = RadioField(
        "Agrees to get texts?", choices=[SelectChoice(key, words) for key, words in CONSENTS], validate_choice=False
    )

    wording = PickField("Which wording")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_wordings([])

    def offer_wordings(self, versions: list[int]) -> None:
        """Put the versions of the wording to choose from into the list, the newest first and chosen."""
        named = [(str(version), f"version {version}") for version in versions]
        self.wording.choices = options(named or [("", "none is noted yet")])
        if not self.wording.raw_data:
            self.wording.data = named[0][0] if named else ""

    @property
    def consent_wording(self) -> int | None:
        """Return the version of the wording that was read out or signed."""
        return int(self.wording.data) if self.wording.data else None

    def validate_consent(self, field: Any) -> None:
        """Ask for the choice only where there is a number to text."""
        if (self.phone.data or "").strip() and field.data not in {key for key, _words in CONSENTS}:
            raise ValidationError("Choose one: no texts go out without it.")

    @property
    def consent_how(self) -> str:
        """Return how consent was given; empty when it was not, or there is no number."""
        return self.consent.data if self.e164 and self.consent.data in {"spoken", "written"} else ""


class EditPatientForm(DetailsForm):
    """A patient as they stood at `version`."""

    time_zone = PickField("Time zone")
    version = VersionField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_zones("")

    def offer_zones(self, country: str) -> None:
        """Put the zones to choose from into the list, a country's own first."""
        self.time_zone.choices = [*options([("", "where the number is from")]), *zone_choices(country, None)]

    @property
    def details(self) -> Details:
        """Return what was typed, once it has been found good."""
        return replace(super().details, time_zone=self.time_zone.data or "")


class TextForm(DeskForm):
    """A text written by hand. `clinic_name` begins it and is set by the page before it validates.

    `nonce` marks a form sent twice, `answers` is the text it replies to, `confirmed` the mark of the words whose doubts
    were shown.
    """

    body = TextAreaField("Text", render_kw={"rows": 3})
    nonce = HiddenField()
    answers = HiddenField()
    confirmed = HiddenField()
    clinic_name: str = ""

    def validate_body(self, field: Any) -> None:
        """Take the text as typed, or say what keeps it from being sent."""
        try:
            field.data = clean_text(field.data or "", wording.LONGEST)
        except TextRefused as refused:
            raise StopValidation(refused.words) from refused
        if not field.data:
            raise StopValidation("Write what to send.")
        length = len(hand_written.whole(field.data, self.clinic_name))
        if length > wording.LONGEST:
            words = "With the clinic’s name and how to stop texts this has"
            raise StopValidation(f"{words} {length:,} characters; at most {wording.LONGEST:,} fit.")
