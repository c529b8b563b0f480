"""Asks before a patient or a clinician is booked twice at once; an answer holds only for what was asked."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reminder_site.domain.spoken import clock
from reminder_site.domain.times import Placed, to_local
from reminder_site.queries import overlaps
from reminder_site.queries.overlaps import Overlap
from reminder_site.web import current
from reminder_site.web.forms.appointments import WhenForm

TWO, BESIDE = "two", "beside"
UNANSWERED = "Choose one: nothing is saved before."


@dataclass(frozen=True)
class Settled:
    """What the desk answered: the appointments it knows of, the one to move here instead, or another time ("10:30")."""

    known: frozenset[str] = field(default_factory=frozenset)
    move: str = ""
    time: str = ""


def settle(
    form: WhenForm, *, patient_id: str, placed: Placed, minutes: int, moves: bool = True, but_not: str = ""
) -> Settled | None:
    """Return the answer to what this time overlaps; None while it is open, with the question beside its field."""
    about: dict[str, Any] = {"clinic_id": current.clinic().id, "at": placed.at, "minutes": minutes, "but_not": but_not}
    theirs = overlaps.of_patient(patient_id=patient_id, **about) if patient_id else []
    clinician_id = form.clinician.data or ""
    with_them = overlaps.of_clinician(clinician_id=clinician_id, **about) if clinician_id else []
    with_them = [each for each in with_them if each.id not in {one.id for one in theirs}]
    form.patient_twice.choices = form.clinician_twice.choices = {}
    if theirs:
        _ask_patient(form, theirs, moves)
    if with_them:
        free = overlaps.next_free(clinician_id=clinician_id, **about)
        _ask_clinician(form, with_them, [to_local(at, placed.zone) for at in free])
    known = frozenset(each.id for each in (*theirs, *with_them))
    return _answered(form, known, f"{placed.at.isoformat()} {clinician_id} {' '.join(sorted(known))}")


def _ask_patient(form: WhenForm, found: list[Overlap], moves: bool) -> None:
    first = found[0]
    with_whom = f" with {first.clinician}" if first.clinician else ""
    form.patient_twice.label.text = f"{first.patient} has {clock(first.starts_local)}{with_whom}."
    here = {first.id: "Move that one here"} if moves and len(found) == 1 else {}
    form.patient_twice.choices = {**here, TWO: "Two are meant"}


def _ask_clinician(form: WhenForm, found: list[Overlap], free: list[datetime]) -> None:
    first = found[0]
    ends = clock(to_local(first.ends_at, current.clinic().time_zone))
    form.clinician_twice.label.text = f"{first.clinician} has {first.patient} {clock(first.starts_local)}–{ends}."
    times = {local.strftime("%H:%M"): f"{clock(local)} instead" for local in free}
    form.clinician_twice.choices = {BESIDE: "Beside it", **times}


def _answered(form: WhenForm, known: frozenset[str], mark: str) -> Settled | None:
    same = form.asked.data == mark
    form.asked.data, form.asked.raw_data = mark, None
    asked = [each for each in (form.patient_twice, form.clinician_twice) if each.choices]
    if same and asked and all(each.data in each.choices for each in asked):
        answers = {each.data for each in asked}
        return Settled(
            known,
            move=next((answer for answer in answers if answer in known), ""),
            time=next((answer for answer in answers if ":" in answer), ""),
        )
    for each in asked:
        if not same:
            each.data = None
        each.errors = [UNANSWERED] if each.data not in each.choices else []
    return None if asked else Settled()
