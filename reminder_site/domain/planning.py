"""The plan: for one appointment, each rule's text with its instant or a skip, always with the sentence that says why.

Pure: the same facts give the same plan. Every change re-derives it; nothing else makes reminders come and go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

import pendulum

from reminder_site.domain.drafts import GRACE_MINUTES, Case, Draft, kind_of, of_notice, of_rule
from reminder_site.domain.drafts import Facts as Facts
from reminder_site.domain.drafts import Notice as Notice
from reminder_site.domain.quiet_hours import QuietHours, Shifted
from reminder_site.domain.rules import DEFAULT_RULES as DEFAULT_RULES
from reminder_site.domain.rules import HOSPITAL_RULES as HOSPITAL_RULES
from reminder_site.domain.rules import Rule as Rule
from reminder_site.domain.rules import never_fires as never_fires
from reminder_site.domain.spoken import clock
from reminder_site.domain.times import to_local

LATE_BOOKING_HOURS = 24
HELD_SLACK_HOURS = 1  # so that a confirmation that left a little late does not withdraw a reminder already promised
LATE_BOOKING = f"booked less than {LATE_BOOKING_HOURS} hours ahead"
LATE_MOVE = f"moved to less than {LATE_BOOKING_HOURS} hours ahead"
NOTICE_LABELS = {
    "moved": "the text about the new time",
    "cancelled": "the text about the cancellation",
    "still_on": "the text that it is on after all",
}


class _Other(NamedTuple):
    """Another text of the appointment that a reminder keeps its distance from; `first` is one that answers a change."""

    key: str
    name: str
    at: pendulum.DateTime
    first: bool


@dataclass(frozen=True)
class Step:
    """One text of the plan, or its skip (`send_at` None); `why` explains either. Of no use after `useful_until`.

    `send_at` and `useful_until` are UTC, `local` is the clinic's wall time. `flagged`: it leaves in quiet hours.
    """

    key: str
    name: str
    send_at: pendulum.DateTime | None
    local: datetime | None
    useful_until: pendulum.DateTime | None
    asks: bool
    why: str
    flagged: bool = False

    @property
    def skipped(self) -> bool:
        """Tell whether nothing is sent."""
        return self.send_at is None


def plan(
    facts: Facts,
    rules: Sequence[Rule],
    quiet: QuietHours,
    closed: Mapping[date, str],
    now: pendulum.DateTime,
    *,
    undo_minutes: int = 2,
    min_gap_hours: int = 12,
) -> tuple[Step, ...]:
    """Derive every text of an appointment: the notice of a change first, then one step for each rule, in their order.

    The confirmation and the notices answer what somebody just did, often with the patient at the desk: they leave as
    soon as the undo has passed, on Sundays and holidays too, but never before 8 am or after 9 pm (the federal floor)
    unless the clinic allows more. Then they wait for the next opening if that is at least 2 h before the start, else
    they leave at once, flagged. Source of the late-booking and gap rules: of 110,527 real bookings 36 % were made less
    than 24 h ahead.
    """
    case = Case(facts, quiet, closed, now, undo_minutes, min_gap_hours)
    notices = [_settle(case, of_notice(case, facts.notice), ())] if facts.notice else []
    confirmations = [_settle(case, of_rule(case, rule), ()) for rule in rules if rule.kind == "confirmation"]
    first = notices + confirmations
    others = _others(case, first, rules)
    reminders = [_settle(case, of_rule(case, rule), others) for rule in rules if rule.kind != "confirmation"]
    kept = _spread(case, [_unless_late_booking(case, step, first) for step in reminders], others)
    steps = {step.key: step for step in (*confirmations, *kept)}
    return (*notices, *(steps[rule.key] for rule in rules))


def _settle(case: Case, draft: Draft, others: Sequence[_Other]) -> Step:
    """Find the instant of a draft, or the reason why it has none."""
    facts = case.facts
    if draft.key in facts.done:
        return _skip(draft, f"already sent on {case.say(facts.done[draft.key])}")
    if draft.against:
        return _skip(draft, f"skipped: {draft.against}")
    if draft.at < facts.timed_at:
        when = "moved" if facts.moved else "booked"
        return _skip(draft, f"skipped: its time, {case.say(draft.at)}, had already passed when this was {when}")
    placed = _place(case, draft, others)
    if isinstance(placed, str):
        return _skip(draft, f"skipped: {placed}")
    if placed.at > draft.latest:
        return _skip(draft, _too_late(case, draft, placed.at))
    until = max(draft.useful_until, min(placed.at.add(minutes=GRACE_MINUTES), facts.starts_at))
    if until < case.now:
        return _skip(draft, f"skipped: it could not be sent by {case.say(until)} and is of no use after that")
    why = "; ".join(filter(None, (draft.why, _waits(case, draft, placed.at), placed.why)))
    local = to_local(placed.at, facts.zone)
    return Step(draft.key, draft.name, placed.at, local, until, draft.asks, why, placed.flagged)


def _waits(case: Case, draft: Draft, at: pendulum.DateTime) -> str:
    """Say so when a text waits for the time in which the booking can be undone."""
    if not draft.at < case.earliest == at:
        return ""
    return f"at {clock(to_local(at, case.facts.zone))}, once the time to undo has passed"


def _place(case: Case, draft: Draft, others: Sequence[_Other]) -> Shifted | str:
    """Apply the undo and quiet hours, or say why no time is left.

    One in the ledger stays though its time has come; one that is not is never late, nor does it come back because
    the text it gave way to has left. What says how things stand is better late than never.
    """
    wanted_at, held = max(draft.at, case.earliest), case.facts.held.get(draft.key)
    placed = _shifted(case, draft, wanted_at, others)
    if placed.at >= case.now or placed.at == held:
        return placed
    if held is None and draft.key in NOTICE_LABELS:  # of use until the start: it may have had to wait for consent
        return draft.window.shift(case.now, starts_at=case.facts.starts_at, not_before=case.now)
    if held is not None and held <= case.now:
        return Shifted(held, f"still to be sent: it was due {case.say(held)}", False)
    if held is None and (near := _near(case, draft.key, placed.at, [*others, *_promised(case, others)])):
        return near
    again = draft.window.shift(wanted_at, starts_at=case.facts.starts_at, not_before=case.now)
    if again.at >= case.now and (wanted_at >= case.now or held is not None):
        return again
    return f"its time, {case.say(draft.at)}, has already passed"


def _shifted(case: Case, draft: Draft, wanted_at: pendulum.DateTime, others: Sequence[_Other]) -> Shifted:
    """Move a text out of quiet hours, but not back to the text about the booking; the place it holds comes first."""
    places = []
    for gap_hours in (case.min_gap_hours, case.min_gap_hours - HELD_SLACK_HOURS):
        not_before = max([case.earliest, *(other.at.add(hours=gap_hours) for other in others if other.first)])
        places.append(draft.window.shift(wanted_at, starts_at=case.facts.starts_at, not_before=not_before))
    return next((place for place in places if place.at == case.facts.held.get(draft.key)), places[0])


def _too_late(case: Case, draft: Draft, at: pendulum.DateTime) -> str:
    lead_minutes = round((case.facts.starts_at - draft.latest).total_seconds() / 60)
    return f"skipped: it would leave at {case.say(at)}, less than {lead_minutes} min before the start"


def _unless_late_booking(case: Case, step: Step, first: Sequence[Step]) -> Step:
    """Skip a reminder where the text about the booking comes so late that it is the reminder."""
    facts = case.facts
    if step.skipped or facts.starts_at >= facts.timed_at.add(hours=LATE_BOOKING_HOURS):
        return step
    told = {one.key for one in first if not one.skipped} | {kind_of(key) for key in facts.done} | set(facts.done)
    if "moved" in told:
        return _withdrawn(step, f"{LATE_MOVE}, so {NOTICE_LABELS['moved']} is the reminder")
    if any(one.key in told for one in first if one.key not in NOTICE_LABELS):
        return _withdrawn(step, f"{LATE_BOOKING}, so the confirmation is the reminder")
    return step


def _others(case: Case, first: Sequence[Step], rules: Sequence[Rule]) -> list[_Other]:
    """List the texts that reminders keep their distance from: sent ones, the notice, the confirmation."""
    names = {rule.key: "the confirmation" if rule.kind == "confirmation" else f"“{rule.name}”" for rule in rules}
    names |= NOTICE_LABELS
    opening = {rule.key for rule in rules if rule.kind == "confirmation"} | set(NOTICE_LABELS)
    planned = {step.key: step.send_at for step in first if step.send_at is not None}
    return [
        _Other(
            key,
            names.get(key) or names.get(kind_of(key), "a text already sent"),
            at,
            bool({key, kind_of(key)} & opening),
        )
        for key, at in {**case.facts.done, **planned}.items()
    ]


def _promised(case: Case, others: Sequence[_Other]) -> list[_Other]:
    known = {other.key for other in others}
    held = ((key, at) for key, at in case.facts.held.items() if key not in known)
    return [_Other(key, "another reminder", at, False) for key, at in held]


def _spread(case: Case, reminders: Sequence[Step], others: Sequence[_Other]) -> list[Step]:
    """Skip, in the order of time, every reminder that would come too close to another text."""
    kept, taken = [], list(others)
    for step in sorted(reminders, key=lambda step: step.send_at or case.now):
        if step.send_at and (near := _near(case, step.key, step.send_at, taken)):
            step = _withdrawn(step, near)
        elif step.send_at:
            taken.append(_Other(step.key, f"“{step.name}”", step.send_at, False))
        kept.append(step)
    return kept


def _near(case: Case, key: str, at: pendulum.DateTime, others: Sequence[_Other]) -> str | None:
    gap_seconds = _gap_hours(case, key) * 3600
    for other in others:
        if abs((at - other.at).total_seconds()) < gap_seconds:
            return f"at {case.say(at)} it would be within {case.min_gap_hours} hours of {other.name}"
    return None


def _gap_hours(case: Case, key: str) -> int:
    return case.min_gap_hours - (HELD_SLACK_HOURS if key in case.facts.held else 0)


def _skip(draft: Draft, why: str) -> Step:
    return Step(draft.key, draft.name, None, None, None, draft.asks, why)


def _withdrawn(step: Step, reason: str) -> Step:
    return replace(step, send_at=None, local=None, useful_until=None, why=f"skipped: {reason}", flagged=False)
