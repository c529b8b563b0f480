"""What each rule and each change of an appointment wants sent, and what speaks against it, before the plan weighs them.

Knows one text at a time; `planning` knows how they stand to each other and to the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

import pendulum

from reminder_site.domain.quiet_hours import QuietHours, Window
from reminder_site.domain.rules import Rule
from reminder_site.domain.spoken import day_and_clock
from reminder_site.domain.times import first_valid, to_local

GRACE_MINUTES = 15
LEAST_LEAD_MINUTES = 1
NOTICES = {
    "moved": ("New time", "tells the patient the new time"),
    "cancelled": ("Cancellation", "tells the patient that it is cancelled"),
    "still_on": ("Still on", "tells the patient that it is on after all"),
}


@dataclass(frozen=True)
class Notice:
    """What the patient is to be told about a change; `send_at` (UTC) is when the undo has passed."""

    kind: Literal["moved", "cancelled", "still_on"]
    send_at: pendulum.DateTime


@dataclass(frozen=True)
class Facts:
    """All that a plan depends on about one appointment. Instants are UTC; `starts_local` is the clinic's wall time.

    `timed_at`: when this time was booked or last moved. `held`: texts already in the ledger and wanted, `done`: texts
    sent for this time, both by step key; a notice told before the present one has a suffix, "moved-1".
    `announced`: False when staff chose not to text about this booking or move. `phone_zones`: where the phone may be.
    `shut_why`: the clinic has closed that day since.
    """

    starts_at: pendulum.DateTime
    starts_local: datetime
    zone: str
    ends_at: pendulum.DateTime
    timed_at: pendulum.DateTime
    wanted: bool = True
    confirmed: bool = False
    texts_on: bool = True
    texts_off_why: str | None = None
    notice: Notice | None = None
    held: Mapping[str, pendulum.DateTime] = field(default_factory=dict)
    done: Mapping[str, pendulum.DateTime] = field(default_factory=dict)
    announced: bool = True
    phone_zones: tuple[str, ...] = ()
    unwanted_why: str = "the appointment is cancelled"
    shut_why: str = ""

    @property
    def moved(self) -> bool:
        """Tell whether a text about a new time is planned or sent: it stands in for the confirmation."""
        told = {kind_of(key) for key in self.done}
        return "moved" in told or (self.notice is not None and self.notice.kind == "moved")


def kind_of(key: str) -> str:
    """Return a step key without the suffix that tells one notice from an earlier one of its kind."""
    return key.partition("-")[0]


@dataclass(frozen=True)
class Case:
    """One appointment's facts with its clinic's ways and the present instant (UTC)."""

    facts: Facts
    quiet: QuietHours
    closed: Mapping[date, str]
    now: pendulum.DateTime
    undo_minutes: int
    min_gap_hours: int

    @property
    def earliest(self) -> pendulum.DateTime:
        """Return when the booking can no longer be undone: nothing leaves before."""
        return self.facts.timed_at.add(minutes=self.undo_minutes)

    def say(self, at: pendulum.DateTime) -> str:
        """Say an instant as the clinic's clock shows it."""
        return day_and_clock(to_local(at, self.facts.zone), to_local(self.now, self.facts.zone).date())


@dataclass(frozen=True)
class Draft:
    """A text as its rule wants it: not to be planned after `latest`; `against` says why it is not sent at all."""

    key: str
    name: str
    at: pendulum.DateTime
    latest: pendulum.DateTime
    useful_until: pendulum.DateTime
    asks: bool
    why: str
    window: Window
    against: str | None


def of_notice(case: Case, notice: Notice) -> Draft:
    """Draft the text about a change. It is of use until the start: later than that, it is for the telephone."""
    facts, (name, why) = case.facts, NOTICES[notice.kind]
    return Draft(
        key=notice.kind,
        name=name,
        at=notice.send_at,
        latest=facts.starts_at.subtract(minutes=LEAST_LEAD_MINUTES),
        useful_until=facts.starts_at,
        asks=notice.kind == "moved" and not facts.confirmed,
        why=f"{why}, once the time to undo has passed",
        window=_wide_window(case),
        against=_against_all(case, cancelling=notice.kind == "cancelled"),
    )


def of_rule(case: Case, rule: Rule) -> Draft:
    """Draft a rule's text: a wall time for days before, an exact span for hours before.

    Useful until the rule's lead before the start; one that goes hours before, until 15 min before it.
    """
    facts = case.facts
    at, note = _instant(case, rule)
    late_minutes = rule.min_lead_minutes if rule.kind != "hours_before" else min(GRACE_MINUTES, rule.min_lead_minutes)
    return Draft(
        key=rule.key,
        name=rule.name,
        at=at,
        latest=facts.starts_at.subtract(minutes=max(rule.min_lead_minutes, LEAST_LEAD_MINUTES)),
        useful_until=facts.starts_at.subtract(minutes=late_minutes),
        asks=rule.asks == "always" or (rule.asks == "if_unconfirmed" and not facts.confirmed),
        why="; ".join(filter(None, (rule.words(), note))),
        window=_wide_window(case) if rule.kind == "confirmation" else _own_window(case),
        against="this rule is switched off" if not rule.enabled else _against(case, rule),
    )


def _instant(case: Case, rule: Rule) -> tuple[pendulum.DateTime, str | None]:
    facts = case.facts
    if rule.kind == "confirmation":
        return case.earliest, None
    if rule.kind == "hours_before":
        return facts.starts_at.subtract(hours=rule.hours), None
    on = facts.starts_local.date() - timedelta(days=rule.days)
    placed, note = first_valid(datetime.combine(on, rule.at or facts.starts_local.time()), facts.zone)
    return placed.at, note


def _against(case: Case, rule: Rule) -> str | None:
    if reason := _against_all(case, cancelling=False):
        return reason
    if rule.kind == "confirmation" and case.facts.moved:
        return "the text about the new time takes its place"
    if rule.kind == "confirmation" and not case.facts.announced:
        return "staff chose not to text about this change"
    return None


def _against_all(case: Case, *, cancelling: bool) -> str | None:
    facts = case.facts
    if facts.starts_at <= case.now:
        return "the time of the appointment has passed"
    if cancelling and facts.wanted:
        return "the appointment is on again"
    if not cancelling and not facts.wanted:
        return facts.unwanted_why
    if not cancelling and facts.shut_why:
        return facts.shut_why
    if not facts.texts_on:
        return facts.texts_off_why or "texts are off for this patient"
    return None


def _own_window(case: Case) -> Window:
    """Return the hours of reminders, which a rule plans and nobody waits for: the phone's own night counts as well."""
    return Window(case.quiet, case.facts.zone, case.closed, phone_zones=case.facts.phone_zones)


def _wide_window(case: Case) -> Window:
    return Window(case.quiet.widest(), case.facts.zone, {}, backwards=False, what="texts")
