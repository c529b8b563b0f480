"""Forms around an appointment: booking it, giving it another time, cancelling it. Each keeps what was typed."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import pendulum
from wtforms import Field, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import InputRequired, ValidationError
from wtforms.widgets import DateInput, TimeInput

from reminder_site.actions.appointments import NewPatient, Tell, refuse_time
from reminder_site.domain import phones
from reminder_site.domain.refusals import Refused
from reminder_site.domain.text_safety import TextRefused, clean_line, strip_controls
from reminder_site.domain.times import DoubtfulTime, Placed, moment, to_local
from reminder_site.domain.typed_times import NotATime, read_clock, read_day
from reminder_site.queries.appointments import Choice
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.fields import VersionField

Read = TypeVar("Read")
LONGEST_NAME: Final = 80
LONGEST_REASON: Final = 120
PATIENT_FIELDS: Final = ("patient_id", "first_name", "last_name", "phone", "consent")
NOT_LISTED: Final = "Choose one of the list."
CONSENTS: Final = (
    ("spoken", "Yes, said so"),
    ("written", "Yes, in writing"),
    ("no", "No, or not asked: send no texts"),
)
TELLS: Final = {
    "yes": ("Yes, by text", Tell(True, "by text")),
    "knows": ("No, the patient knows already", Tell(False, "knows already")),
    "phone": ("No, somebody will phone", Tell(False, "will be phoned")),
}
REASONS: Final = (
    "The patient cannot come",
    "The clinician is away",
    "The clinic is closed",
    "Booked by mistake",
    "Another reason",
)


def one_line(longest: int, *, optional: bool = False) -> Callable[[Any, Any], None]:
    """Make a validator that takes one line of text as it is, or refuses it in words."""

    def check(form: Any, field: Any) -> None:
        try:
            field.data = clean_line(field.data or "", longest)
        except TextRefused as refused:
            field.data = strip_controls(field.data)  # a page cannot hold them; the words say that they were there
            raise ValidationError(refused.words) from refused

    check.field_flags = {"optional": True} if optional else {}  # type: ignore[attr-defined]  # how WTForms marks a field
    return check


def printable(typed: str | None) -> str:
    """Drop what no page can show, so that a refused field can be shown again."""
    return strip_controls(typed or "")


class WhenForm(DeskForm):
    """A day, a time of day and, where the clocks change, which of the two is meant; and with whom."""

    day = StringField("Day", widget=DateInput(), filters=[printable])
    time = StringField("Time", widget=TimeInput(), filters=[printable])
    choice = RadioField("Which time is meant?", choices={}, validate_choice=False)
    clinician = SelectField("With", invalid_choice_message=NOT_LISTED)
    patient_twice = RadioField("The patient is booked then.", choices={}, validate_choice=False)
    clinician_twice = RadioField("The clinician is booked then.", choices={}, validate_choice=False)
    asked = HiddenField(filters=[printable])  # what the answers above are about

    def offer(self, clinicians: Sequence[Choice]) -> None:
        """Put the clinic's clinicians into the list; the only one is chosen from the start."""
        self.clinician.choices = {"": "Anybody", **{each.id: each.name for each in clinicians}}
        if self.clinician.data is None:
            self.clinician.data = clinicians[0].id if len(clinicians) == 1 else ""

    @property
    def clinician_name(self) -> str:
        """Return the name of the clinician that was chosen, empty for anybody."""
        name: str = self.clinician.choices.get(self.clinician.data, "") if self.clinician.data else ""
        return name

    def place(self, zone: str, now: pendulum.DateTime) -> Placed | None:
        """Return the time that was chosen; otherwise put what is wrong, or which of two is meant, beside the field."""
        day, clock = _read(self.day, read_day), _read(self.time, read_clock)
        if day is None or clock is None:
            return None
        placed = self._placed(datetime.combine(day, clock), zone)
        if placed is None:
            return None
        try:
            refuse_time(placed.at, now)
        except Refused as refused:
            field = self.time if placed.local.date() == to_local(now, zone).date() else self.day
            put_error(field, refused.words)
            return None
        return placed

    def missing_time(self) -> list[str]:
        """Name what still has to be typed before the time is known."""
        return [words for words, field in (("a day", self.day), ("a time", self.time)) if not field.data.strip()]

    def time_troubles(self) -> list[str]:
        """List what is wrong with what was typed as the time."""
        return [words for field in (self.day, self.time) if field.data.strip() for words in field.errors]

    def _placed(self, local: datetime, zone: str) -> Placed | None:
        try:
            return moment(local, zone)
        except DoubtfulTime as doubt:
            self.choice.choices = {each.key: each.words for each in doubt.choices}
            if self.choice.data in self.choice.choices:
                return moment(local, zone, choice=self.choice.data)
            put_error(self.time, doubt.words)
        except ValueError:
            put_error(self.day, "This day is beyond the calendar. Please check it.")
        return None


class BookingForm(WhenForm):
    """A patient (found, or new in place), a time and a kind of appointment; `nonce` marks a form sent twice."""

    _fields: dict[str, Any]
    nonce = HiddenField(filters=[printable])
    patient_id = HiddenField("Patient", id="patient_id-typed", filters=[printable])
    patient_id_typed = HiddenField(filters=[printable])
    first_name = StringField("First name", [one_line(LONGEST_NAME)], render_kw={"autocomplete": "off"})
    last_name = StringField("Family name", [one_line(LONGEST_NAME, optional=True)], render_kw={"autocomplete": "off"})
    phone = StringField(
        "Mobile phone", filters=[printable], render_kw={"type": "tel", "autocomplete": "off", "maxlength": 40}
    )
    consent = RadioField("Agrees to get texts?", choices=dict(CONSENTS), validate_choice=False)
    kind = SelectField("For", invalid_choice_message=NOT_LISTED)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fields = {name: self._fields[name] for name in PATIENT_FIELDS} | self._fields  # in the order of the page

    def offer_kinds(self, kinds: Sequence[Choice]) -> None:
        """Put the clinic's kinds of appointment into the list; the first is chosen from the start."""
        self.kind.choices = {each.id: f"{each.name}, {each.minutes} min" for each in kinds} or {"": "30 min"}
        if self.kind.data is None:
            self.kind.data = next(iter(self.kind.choices))

    @property
    def is_new_patient(self) -> bool:
        """Tell whether the fields for a new patient are in use."""
        return any((field.data or "").strip() for field in (self.first_name, self.last_name, self.phone))

    def new_patient(self, country: str) -> NewPatient | None:
        """Return the patient that was typed; otherwise put what is wrong beside the field.

        While only the agreement to texts is open, its refusal stands beside it and the patient is returned all the
        same, for the preview.
        """
        if not self.first_name.data:
            put_error(self.first_name, "Type the first name: it stands in every text.")
        e164 = self._e164(country)
        if self.phone.data and self.consent.data not in dict(CONSENTS):
            put_error(self.consent, "Choose one: no texts go out without it.")
        if any(field.errors for field in (self.first_name, self.last_name, self.phone)):
            return None
        agreed = self.consent.data if e164 and self.consent.data != "no" else ""
        return NewPatient(self.first_name.data, self.last_name.data, e164, agreed or "")

    def missing_patient(self) -> list[str]:
        """Name what still has to be typed before the patient is known."""
        if not self.is_new_patient:
            return ["a patient"]
        gaps = ("the first name", not self.first_name.data), ("whether texts are agreed to", bool(self.consent.errors))
        return [words for words, missing in gaps if missing]

    def _e164(self, country: str) -> str:
        typed = (self.phone.data or "").strip()
        if not typed:
            return ""
        try:
            return phones.read(typed, country).e164
        except phones.PhoneRefused as refused:
            put_error(self.phone, refused.words)
            return ""


class ChangeForm(DeskForm):
    """A change to an appointment as it stood at `version`; whether the patient is told, and why."""

    version = VersionField()
    tell = RadioField(
        "Tell the patient?",
        [InputRequired("Choose one.")],
        choices={key: words for key, (words, _tell) in TELLS.items()},
        default="yes",
    )

    @property
    def chosen(self) -> Tell:
        """Return what was chosen."""
        return TELLS[self.tell.data][1] if self.tell.data in TELLS else TELLS["yes"][1]

    def stands_at(self, version: int) -> None:
        """Have the form change the appointment as it stands now, whatever it stood at when the form was opened."""
        self.version.data, self.version.raw_data = version, None


class MoveForm(ChangeForm, WhenForm):
    """Another time for an appointment."""


class CancelForm(ChangeForm):
    """Why an appointment is cancelled."""

    reason = RadioField("Why?", choices={each: each for each in REASONS}, default=REASONS[0])
    note = StringField(
        "In a few words", [one_line(LONGEST_REASON - 40, optional=True)], render_kw={"autocomplete": "off"}
    )

    @property
    def why(self) -> str:
        """Return the reason with the note, if there is one."""
        return ": ".join(filter(None, (self.reason.data, self.note.data)))


def put_error(field: Field, words: str) -> None:
    """Put a refusal beside a field."""
    field.errors = [*field.errors, words]


def _read(field: Field, reader: Callable[[str], Read]) -> Read | None:
    try:
        return reader(field.data or "")
    except NotATime as refused:
        put_error(field, refused.words)
        return None
