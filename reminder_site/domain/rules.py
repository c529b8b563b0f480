"""Reminder rules: what a clinic wants sent and when, as wall-clock rules. Knows no appointment."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from reminder_site.domain.quiet_hours import MIDNIGHT, QuietHours
from reminder_site.domain.spoken import clock


@dataclass(frozen=True)
class Rule:
    """One rule of a cadence: the confirmation, `days` before at the wall time `at`, or `hours` before the start.

    `min_lead_minutes`: nothing is sent later than this before the start; a manager may choose less.
    """

    key: str
    name: str
    kind: Literal["confirmation", "days_before", "hours_before"]
    days: int = 0
    at: time | None = None
    hours: int = 0
    asks: Literal["always", "if_unconfirmed", "never"] = "always"
    enabled: bool = True
    min_lead_minutes: int = 60

    def words(self) -> str:
        """Say when the rule sends: "3 days before, at 10:00 am"."""
        if self.kind == "days_before":
            day = {0: "on the day", 1: "1 day before"}.get(self.days, f"{self.days} days before")
            return f"{day}, at {clock(self.at or time())}"
        if self.kind == "hours_before":
            return "1 hour before" if self.hours == 1 else f"{self.hours} hours before"
        return "right after booking, once the time to undo has passed"

    def aims_at(self, starts_local: datetime) -> datetime | None:
        """Return the wall time a rule aims at for an appointment (wall time), to put texts in order; see planning.

        None for the confirmation, which follows the booking.
        """
        if self.kind == "days_before":
            return datetime.combine(starts_local.date() - timedelta(days=self.days), self.at or starts_local.time())
        return starts_local - timedelta(hours=self.hours) if self.kind == "hours_before" else None


CONFIRMATION = Rule("confirmation", "Confirmation", "confirmation")

# Source: randomised trial of 54,066 patients (Steiner 2018): missed 4.4 % with both, 5.8 % and 5.3 % with one of them.
DEFAULT_RULES = (
    CONFIRMATION,
    Rule("3_days", "3 days before", "days_before", days=3, at=time(10)),
    Rule("1_day", "1 day before", "days_before", days=1, at=time(10), asks="if_unconfirmed"),
    Rule("2_hours", "2 hours before", "hours_before", hours=2, asks="never", enabled=False),
)

# Source: common practice of NHS hospitals.
HOSPITAL_RULES = (
    CONFIRMATION,
    Rule("7_days", "7 days before", "days_before", days=7, at=time(10)),
    Rule("2_days", "2 days before", "days_before", days=2, at=time(10), asks="if_unconfirmed"),
)


def never_fires(rule: Rule, quiet: QuietHours) -> str | None:
    """Say why a rule could not send its text for any appointment at all; None when it can."""
    if rule.kind == "hours_before":
        return _never_hours(rule)
    if rule.kind == "days_before":
        return _never_days(rule, quiet)
    return None


def _never_hours(rule: Rule) -> str | None:
    if rule.hours < 1:
        return "This would never send: choose at least 1 hour before the start."
    if rule.hours * 60 < rule.min_lead_minutes:
        return (
            f"This would never send: {rule.words()} is later than {rule.min_lead_minutes} min before the start, "
            "the latest that is allowed."
        )
    return None


def _never_days(rule: Rule, quiet: QuietHours) -> str | None:
    if rule.days < 0:
        return "This would never send: it lies after the appointment. Choose 0 days or more."
    if rule.at is None:
        return "This would never send: choose the time of day."
    if rule.days == 0 and quiet.closes != MIDNIGHT and rule.at >= quiet.closes:
        return (
            f"This would never send at its time: on the day itself texts stop at {clock(quiet.closes)}. "
            "Choose an earlier time, or hours before."
        )
    if rule.days == 0 and rule.at.hour * 60 + rule.at.minute + rule.min_lead_minutes >= 24 * 60:
        return (
            f"This would never send: no appointment on that day starts {rule.min_lead_minutes} min or more "
            f"after {clock(rule.at)}."
        )
    return None
