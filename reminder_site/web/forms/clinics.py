"""Forms of a clinic: what it is, when it is open, when it texts, its closed days."""

import re
from datetime import time
from typing import Any, Self

from wtforms import BooleanField, Form, FormField, RadioField, SelectChoice, StringField
from wtforms.validators import ValidationError

from reminder_site.actions.clinics import ClinicFacts, TextingFacts
from reminder_site.actions.zone_changes import MOMENTS, WALL_TIMES
from reminder_site.domain import closed_days, phones, zones
from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.queries.accounts import Clinic
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.fields import ClockField, DayField, LineField, PickField, VersionField, WholeField, options

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPENS, CLOSES = time(9), time(17)
FIRST_COUNTRY = "US"
PLACINGS = [
    (WALL_TIMES, "The wall times: the zone had been wrong, patients know the right time. Nobody is texted."),
    (MOMENTS, "The moments: the wall times change. Every patient whose time changes is texted the new one."),
]
MESSAGING_SERVICE = re.compile(r"MG[0-9a-f]{32}")


class HoursForm(Form):
    """One weekday: from when to when; both empty on a day when the clinic is closed."""

    opens = ClockField("from")
    closes = ClockField("to")

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse also half a day's hours, or hours that end before they begin."""
        if not super().validate(extra_validators):
            return False
        opens, closes = self.opens.data, self.closes.data
        if (opens is None) != (closes is None):
            self.closes.errors = ["Give both times, or leave both empty on a day you are closed."]
        elif opens and closes <= opens:
            self.closes.errors = ["Closing lies before opening."]
        return not self.closes.errors


class ClinicForm(DeskForm):
    """What a clinic is and when it is open."""

    name = LineField("Name of the clinic", longest=80, needed="Give the clinic's name.")
    text_name = LineField(
        "Name in texts",
        longest=30,
        needed="Give the name that texts begin with.",
        description="Short: every text begins with it. “Elm Clinic” leaves room for the rest.",
    )
    address = LineField("Address", longest=200, description="In full, for the patient's own page.")
    place = LineField("Short address in texts", longest=40, description="Such as “12 High St”.")
    phone = StringField(
        "Phone",
        description="Patients call it when they have a question. A landline is fine.",
        render_kw={"type": "tel"},
    )
    country = PickField(
        "Country",
        choices=options(phones.country_choices()),
        description="How phone numbers are read, and public holidays.",
    )
    time_zone = PickField(
        "Time zone",
        validate_choice=False,
        description="The time on your wall. What is booked already is asked about before another one is saved.",
    )
    mon = FormField(HoursForm, "Monday")
    tue = FormField(HoursForm, "Tuesday")
    wed = FormField(HoursForm, "Wednesday")
    thu = FormField(HoursForm, "Thursday")
    fri = FormField(HoursForm, "Friday")
    sat = FormField(HoursForm, "Saturday")
    sun = FormField(HoursForm, "Sunday")
    placing = RadioField("What of them stands?", choices=dict(PLACINGS), validate_choice=False)
    version = VersionField()

    @classmethod
    def of(cls, clinic: Clinic, **kwargs: Any) -> Self:
        """Fill the form with a clinic as it stands (when nothing was typed)."""
        names = ("name", "text_name", "address", "place", "phone", "country", "time_zone", "version")
        return cls(data={name: getattr(clinic, name) for name in names} | hours_as_fields(clinic.hours), **kwargs)

    @classmethod
    def blank(cls, **more: Any) -> Self:
        """Begin with the hours most clinics have."""
        week = {day: {"opens": OPENS, "closes": CLOSES} for day in DAYS[:5]}
        return cls(data={"country": FIRST_COUNTRY, "time_zone": zones.choices(FIRST_COUNTRY)[0][0], **week, **more})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.time_zone.choices = zone_choices(self.country.data, self.time_zone.data)

    def validate_phone(self, field: Any) -> None:
        """Read the number as people of the clinic's country type it, and keep it as they write it."""
        try:
            found = phones.parse(field.data or "", self.country.data)
        except phones.PhoneRefused as refused:
            raise ValidationError(refused.words) from refused
        field.data = phones.show(found.e164, self.country.data)

    def validate_time_zone(self, field: Any) -> None:
        """Take old names too; refuse what is no zone."""
        if not field.data or not zones.known(field.data):
            raise ValidationError("Choose the clinic's time zone.")
        field.data = zones.canonical(field.data)

    def validate(self, extra_validators: Any = None) -> bool:
        """Refuse also a clinic that is never open: no time of an appointment would ever fit."""
        fine: bool = super().validate(extra_validators)
        if any(self[day].form.opens.data or self[day].errors for day in DAYS):
            return fine
        self.mon.form.opens.errors = ["Give opening hours for at least one day of the week."]
        return False

    def facts(self) -> ClinicFacts:
        """Return what was typed, for the action."""
        return ClinicFacts(
            name=self.name.data,
            text_name=self.text_name.data,
            address=self.address.data,
            place=self.place.data,
            phone=self.phone.data,
            country=self.country.data,
            time_zone=self.time_zone.data,
            hours={day: _hours(self[day].form) for day in DAYS},
        )


class TextingForm(DeskForm):
    """When and how much a clinic texts."""

    texting_on = BooleanField("This clinic sends texts")
    quiet_opens = ClockField("Earliest", needed="From when may reminders arrive?")
    quiet_closes = ClockField("Latest", needed="Until when may reminders arrive?", description="00:00 is midnight.")
    texts_on_sundays = BooleanField("Reminders may arrive on Sundays")
    keeps_public_holidays = BooleanField("No reminders on public holidays")
    region = PickField("Holidays of", validate_choice=True)
    daily_cap = WholeField("Texts a day, at most", least=1, most=100_000)
    min_gap_hours = WholeField("Hours between two reminders of one appointment, at least", least=0, most=72)
    sender = LineField(
        "Own Messaging Service",
        longest=34,
        description="MG and 32 characters. Empty: the one the site was set up with.",
    )
    share_sender = BooleanField("Share it with the other clinic on purpose")
    twilio_acknowledges = BooleanField("Twilio itself answers STOP and START")
    no_quiet_why = LineField("Why texts may go out at night", longest=200)
    version = VersionField()

    def __init__(self, clinic: Clinic, *, sets_sender: bool, **kwargs: Any) -> None:
        names = [name for name in self._names() if name != "csrf_token"]
        super().__init__(data={name: getattr(clinic, name) for name in names}, **kwargs)
        self.region.choices = options([("", "the whole country"), *closed_days.regions(clinic.country)])
        self.kept_sender = clinic.sender
        if not sets_sender:
            del self.sender, self.share_sender

    @staticmethod
    def _names() -> list[str]:
        return [*TextingFacts.__dataclass_fields__, "version"]

    def validate_quiet_closes(self, field: Any) -> None:
        """Refuse hours between which nothing lies."""
        if self.quiet_opens.data is None or field.data is None:
            return
        try:
            QuietHours(self.quiet_opens.data, field.data)
        except ValueError as refused:
            raise ValidationError(str(refused)) from refused

    def validate_sender(self, field: Any) -> None:
        """Refuse what cannot be a Messaging Service."""
        if field.data and not MESSAGING_SERVICE.fullmatch(field.data):
            raise ValidationError("A Messaging Service SID is MG and 32 of 0–9 and a–f; find it in Twilio's console.")

    def facts(self) -> TextingFacts:
        """Return what was typed, for the action."""
        sender = self.sender.data if "sender" in self else self.kept_sender
        typed = {name: self[name].data for name in TextingFacts.__dataclass_fields__ if name != "sender"}
        return TextingFacts(sender=sender, **typed)


class ClosedDayForm(DeskForm):
    """A day on which the clinic is closed."""

    closed_on = DayField("Day", needed="Which day?")
    closed_name = LineField("Why", longest=60, needed="Give it a name, such as “Staff training”.")


def zone_choices(country: str | None, chosen: str | None) -> list[SelectChoice]:
    """List zones to pick from: the country's own first, then the world's; a chosen one is always among them."""
    near = list(zones.choices(country)) if country else []
    names = {zone for zone, _ in near}
    rest = [choice for choice in zones.choices() if choice[0] not in names]
    if chosen and zones.known(chosen) and chosen not in names | {zone for zone, _ in rest}:
        near.insert(0, (chosen, chosen))
    return options(near, "In this country") + options(rest, "Elsewhere")


def hours_as_fields(hours: dict[str, Any]) -> dict[str, dict[str, time]]:
    """Read kept opening hours into the form's fields."""
    spans = {day: span for day, span in hours.items() if span}
    return {
        day: {"opens": time.fromisoformat(span[0]), "closes": time.fromisoformat(span[1])}
        for day, span in spans.items()
    }


def _hours(day: HoursForm) -> list[str] | None:
    if day.opens.data is None or day.closes.data is None:
        return None
    return [day.opens.data.strftime("%H:%M"), day.closes.data.strftime("%H:%M")]
