"""Form fields that several forms share: a line of text, a wall time, a day, a whole number; refusals in plain words."""

from collections.abc import Iterable, Sequence
from typing import Any

from wtforms import DateField, HiddenField, IntegerField, SelectChoice, SelectField, StringField, TimeField
from wtforms.validators import InputRequired, NumberRange, Optional, StopValidation, ValidationError

from reminder_site.domain.text_safety import TextRefused, clean_line, strip_controls

NO_VERSION = -1
LONGEST_VERSION = 10  # digits
NO_SUCH_DAY = "There is no such day. Write it like 2026-11-20."
YEARS = range(1900, 2200)


class LineField(StringField):
    """One line of free text, kept as typed but for outer blanks; `needed` is what is said when it is empty."""

    data: Any

    def __init__(self, label: str, *, longest: int, needed: str = "", **kwargs: Any) -> None:
        self.longest, self.needed = longest, needed
        super().__init__(label, **kwargs)
        if not needed:
            self.flags.optional = True

    def pre_validate(self, form: Any) -> None:
        """Clean the line or raise what speaks against it."""
        try:
            self.data = clean_line(self.data or "", self.longest)
        except TextRefused as refused:
            self.data = strip_controls(self.data)  # what is shown again may not spoil the page
            raise StopValidation(refused.words) from refused
        if self.needed and not self.data:
            raise StopValidation(self.needed)


class PickField(SelectField):
    """One of a list."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, invalid_choice_message="Choose one from the list.", **kwargs)


class ClockField(TimeField):
    """A wall time, as "14:30" or "2:30 pm"."""

    def __init__(self, label: str, *, needed: str = "", **kwargs: Any) -> None:
        super().__init__(
            label,
            [InputRequired(needed) if needed else Optional()],
            format=["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p"],
            invalid_value_message="Write the time like 14:30 or 2:30 pm.",
            **kwargs,
        )
        self.flags.optional = None  # whether an empty one is right is told in words, where it is


class DayField(DateField):
    """A day, as browsers send it or as "2026-11-20"."""

    data: Any

    def __init__(self, label: str, *, needed: str, **kwargs: Any) -> None:
        super().__init__(label, [InputRequired(needed)], invalid_value_message=NO_SUCH_DAY, **kwargs)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        """Refuse a day that no calendar of a clinic has."""
        if self.data and self.data.year not in YEARS:
            raise ValidationError(NO_SUCH_DAY)


class WholeField(IntegerField):
    """A whole number between two bounds."""

    errors: Sequence[str]

    def __init__(self, label: str, *, least: int, most: int, **kwargs: Any) -> None:
        words = f"Give a whole number from {least:,} to {most:,}."
        bounds = [InputRequired(words), NumberRange(least, most, words)]
        super().__init__(label, bounds, invalid_value_message=words, **kwargs)

    def post_validate(self, form: Any, validation_stopped: bool) -> None:
        """Say the same thing only once."""
        self.errors = list(dict.fromkeys(self.errors))


class VersionField(HiddenField):
    """The version of what was shown, so that nobody overwrites what another saved; a missing one fits none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read a number; whatever else stands there is no version."""
        self.data = whole_number(valuelist[0] if valuelist else "", NO_VERSION)


def whole_number(typed: str, otherwise: int) -> int:
    """Read a whole number that a page has written; whatever else stands there, or no database could hold, is none."""
    return int(typed) if typed.isdecimal() and len(typed) < LONGEST_VERSION else otherwise


def options(pairs: Iterable[tuple[str, str]], group: str | None = None) -> list[SelectChoice]:
    """Make (value, words) pairs the choices of a field, under a heading if one is given."""
    return [SelectChoice(value, words, optgroup=group) for value, words in pairs]
