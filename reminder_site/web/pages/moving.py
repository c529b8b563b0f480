"""Giving an appointment another time: the form, its preview, and both versions when somebody else was quicker."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import appointments as actions
from reminder_site.domain import spoken
from reminder_site.domain.planning import Notice
from reminder_site.domain.refusals import AppointmentChanged, NothingChanged, Overlaps, Refused
from reminder_site.domain.times import Placed, to_local
from reminder_site.queries import appointments, previews
from reminder_site.queries.appointments import Choice, Facts
from reminder_site.web import current, overlaps, text_steps, warnings
from reminder_site.web.day_rows import STANDING_WORDS
from reminder_site.web.forms.appointments import MoveForm, put_error
from reminder_site.web.now import now
from reminder_site.web.pages.appointments import facts_for_preview, found

pages = Blueprint("moving", __name__)
Page = str | Response | tuple[str, int]


@pages.route("/appointments/<public_id>/move", methods=["GET", "POST"])
def move(public_id: str) -> Page:
    """Give an appointment another time or clinician; the texts follow."""
    facts = found(public_id)
    form = _form(facts)
    if request.method == "GET":
        form.stands_at(facts.version)
        form.day.data, form.time.data = facts.starts_local.strftime("%Y-%m-%d"), facts.starts_local.strftime("%H:%M")
        form.clinician.data = facts.clinician_id or ""
        return _page(form, facts)
    good, placed = _read(form, facts)
    if request.form.get("preview") or not good or placed is None:
        return _page(form, facts, placed), 200 if good else 422
    return _save(form, facts, placed)


@pages.post("/appointments/<public_id>/move/preview")
def preview(public_id: str) -> str:
    """Show what would be texted if the form were saved as it stands; changes nothing."""
    facts = found(public_id)
    form = _form(facts)
    _good, placed = _read(form, facts)
    shown = _preview(form, facts, placed)
    return render_template("appointments/preview.html", form=form, preview=shown, live=True)


def _form(facts: Facts) -> MoveForm:
    """Offer the clinic's clinicians, and whom the appointment is with although they can no longer be booked."""
    form = MoveForm()
    offered = appointments.clinicians(clinic_id=current.clinic().id)
    if facts.clinician_id and facts.clinician_id not in {each.id for each in offered}:
        offered = [*offered, Choice(facts.clinician_id, f"{facts.clinician} (can no longer be booked)")]
    form.offer(offered)
    return form


def _read(form: MoveForm, facts: Facts) -> tuple[bool, Placed | None]:
    right = form.validate()
    placed = form.place(facts.time_zone, now())
    return right and not any(field.errors for field in form), placed


def as_asked(public_id: str) -> Page:
    """Show the move of an appointment to the time that stands in the form just sent; nothing is saved yet."""
    facts = found(public_id)
    form = _form(facts)
    form.stands_at(facts.version)
    form.tell.data = "yes"
    return _page(form, facts, form.place(facts.time_zone, now()))


def _save(form: MoveForm, facts: Facts, placed: Placed) -> Page:
    about: dict[str, Any] = {"patient_id": facts.patient_id, "minutes": facts.duration_minutes, "but_not": facts.id}
    settled = overlaps.settle(form, placed=placed, moves=False, **about)
    if settled is None:
        return _page(form, facts, placed), 422
    if settled.time:
        form.time.data = settled.time
        again = form.place(facts.time_zone, now())
        return _save(form, facts, again) if again else (_page(form, facts), 422)
    try:
        actions.move(
            clinic_id=current.clinic().id,
            appointment_id=facts.id,
            time=placed,
            clinician_id=form.clinician.data,
            tell=form.chosen,
            version=form.version.data or 0,
            beside=settled.known,
            by=current.actor(),
            now=now(),
        )
    except AppointmentChanged:
        return _both_versions(form, facts.id, placed), 409
    except (NothingChanged, Overlaps) as refused:
        put_error(form.time, refused.words)
        return _page(form, facts, placed), 422
    except Refused as refused:
        flash(refused.words, "warn")
    return redirect(url_for("appointments.show", public_id=facts.id), 303)


def _both_versions(form: MoveForm, public_id: str, placed: Placed) -> str:
    """Put their version beside what was typed; saving again is then a choice made with open eyes."""
    facts = found(public_id)
    today = to_local(now(), facts.time_zone).date()
    form.stands_at(facts.version)
    versions = [
        _row("Time", *(spoken.day_and_clock(local, today) for local in (facts.starts_local, placed.local))),
        _row("With", facts.clinician or "Anybody", _clinician_name(form, facts) or "Anybody"),
        _row("Answer", STANDING_WORDS.get(facts.standing, facts.standing.replace("_", " ")), STANDING_WORDS["none"]),
    ]
    return _page(form, facts, placed, versions=versions)


def _clinician_name(form: MoveForm, facts: Facts) -> str:
    return (facts.clinician or "") if form.clinician.data == facts.clinician_id else form.clinician_name


def _row(label: str, theirs: str, yours: str) -> dict[str, str]:
    return {"label": label, "theirs": theirs, "yours": yours}


def _page(form: MoveForm, facts: Facts, placed: Placed | None = None, **more: Any) -> str:
    return render_template(
        "appointments/move.html",
        form=form,
        facts=facts,
        city=text_steps.city(facts.time_zone),
        was=spoken.day_and_clock(facts.starts_local, to_local(now(), facts.time_zone).date()),
        preview=_preview(form, facts, placed) if form.is_submitted() else None,
        undo_minutes=current.clinic().undo_minutes,
        **more,
    )


def _preview(form: MoveForm, facts: Facts, placed: Placed | None) -> dict[str, Any]:
    """Say what saving would do, as far as the form is filled in."""
    if placed is None:
        return {"missing": form.missing_time(), "warnings": form.time_troubles(), "steps": []}
    clinic = current.clinic()
    warned = warnings.about_time(clinic.id, placed, facts.duration_minutes)
    warned += warnings.about_same_day(clinic.id, facts.patient_id, placed, but_not=facts.id)
    tell = form.chosen.patient
    lines = previews.preview(
        clinic_id=clinic.id,
        starts=placed,
        announced=tell,
        notice=Notice("moved", now().add(minutes=clinic.undo_minutes)) if tell else None,
        now=now(),
        **facts_for_preview(facts) | {"clinician": _clinician_name(form, facts)},
    )
    steps = [text_steps.preview_step(line, placed.zone) for line in lines]
    said = {"when": text_steps.placed_words(placed), "zone": text_steps.zone_words(placed, now())}
    return {**said, "warnings": warned, "steps": steps}
