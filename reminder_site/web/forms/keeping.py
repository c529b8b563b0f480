"""Forms about keeping and letting go: how long a clinic keeps what, and why a patient is erased."""

from typing import Any, Self

from wtforms.validators import InputRequired

from reminder_site.domain import retention
from reminder_site.queries.accounts import Clinic
from reminder_site.web.forms.desk import DeskForm
from reminder_site.web.forms.fields import PickField, VersionField, WholeField, options


def _days(label: str, ends: tuple[int, int]) -> WholeField:
    return WholeField(label, least=ends[0], most=ends[1])


class KeepingForm(DeskForm):
    """How long a clinic keeps what."""

    texts_kept_days = _days("Days that the words of texts are kept", retention.TEXTS_RANGE)
    receipts_kept_days = _days("Days that receipts are kept", retention.RECEIPTS_RANGE)
    appointments_kept_months = _days("Months that appointments keep their patient", retention.APPOINTMENTS_RANGE)
    version = VersionField()

    @classmethod
    def of(cls, clinic: Clinic, **kwargs: Any) -> Self:
        """Fill the form with a clinic as it stands (when nothing was typed)."""
        names = (*retention.Keeping.__dataclass_fields__, "version")
        return cls(data={name: getattr(clinic, name) for name in names}, **kwargs)

    @property
    def keeping(self) -> retention.Keeping:
        """Return what was typed, for the action."""
        return retention.Keeping(**{name: self[name].data for name in retention.Keeping.__dataclass_fields__})


class EraseForm(DeskForm):
    """Why a patient is erased; `version` is what was looked at."""

    reason = PickField("Why", validators=[InputRequired("Choose why.")])
    version = VersionField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [(code, words[:1].upper() + words[1:]) for code, words in retention.REASONS.items()]
        self.reason.choices = options([("", "Choose one"), *(each for each in offered if each[0] != "restored")])
