"""One appointment: its facts and texts, cancelling and taking it back, what the patient said, whether they came."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import appointments as actions
from reminder_site.actions import attendance
from reminder_site.domain import spoken
from reminder_site.domain.planning import Notice
from reminder_site.domain.refusals import AppointmentChanged, NotHere, Refused
from reminder_site.domain.times import Placed, to_local
from reminder_site.queries import appointments, links, previews, reminders
from reminder_site.queries.appointments import Facts
from reminder_site.queries.reminders import ReminderFacts
from reminder_site.web import current, day_rows, reading, text_steps, warnings
from reminder_site.web.forms.appointments import CancelForm
from reminder_site.web.now import now

pages = Blueprint("appointments", __name__)
ANSWERS = frozenset({"none", "confirmed", "change_wanted"})
OUTCOMES = frozenset({"", "arrived", "no_show"})
Page = str | Response | tuple[str, int]


@pages.get("/appointments/<public_id>")
def show(public_id: str) -> str:
    """Show one appointment with every text, planned or sent."""
    facts = found(public_id)
    reading.opened(facts.patient_id)
    return _page(facts)


@pages.route("/appointments/<public_id>/cancel", methods=["GET", "POST"])
def cancel(public_id: str) -> Page:
    """Ask why and whether the patient is told, then cancel."""
    facts = found(public_id)
    form = CancelForm()
    if request.method == "GET":
        form.stands_at(facts.version)
        return _cancel_page(form, facts)
    if not form.validate():
        return _cancel_page(form, facts), 422
    try:
        actions.cancel(
            clinic_id=current.clinic().id,
            appointment_id=public_id,
            reason=form.why,
            tell=form.chosen,
            version=form.version.data or 0,
            by=current.actor(),
            now=now(),
        )
    except AppointmentChanged as refused:
        facts = found(public_id)
        form.stands_at(facts.version)
        form.form_errors.append(f"{refused.words} This is how it stands now. Cancel it all the same?")
        return _cancel_page(form, facts), 409
    except Refused as refused:
        flash(refused.words, "warn")
        return redirect(url_for("appointments.show", public_id=public_id), 303)
    return redirect(url_for("appointments.show", public_id=public_id), 303)


@pages.post("/appointments/<public_id>/undo")
def undo(public_id: str) -> Response:
    """Take back what was done last: the cancellation, or the move."""
    facts = found(public_id)
    doing = actions.undo_cancel if facts.state == "cancelled" else actions.undo_move
    heard = _do(doing, public_id)
    if heard is not None:
        still_on = "The patient had been told, and now gets a text that it is still on."
        facts = found(public_id)
        time = text_steps.placed_words(placed(facts))
        nothing = "The patient is told this time." if facts.notice_kind else "The patient hears nothing of it."
        flash(f"Put back to {time}. {still_on if heard else nothing}", "ok")
    return redirect(url_for("appointments.show", public_id=public_id), 303)


@pages.post("/appointments/<public_id>/answer")
def answer(public_id: str) -> Response:
    """Note what the patient said to the desk."""
    said = request.form.get("answer", "")
    if said not in ANSWERS:
        abort(400)
    _do(attendance.record_answer, public_id, answer=said)
    return _back(public_id)


@pages.post("/appointments/<public_id>/outcome")
def outcome(public_id: str) -> Response:
    """Note whether the patient came."""
    noted = request.form.get("outcome")
    if noted not in OUTCOMES:
        abort(400)
    _do(attendance.record_outcome, public_id, outcome=noted)
    return _back(public_id)


def found(public_id: str) -> Facts:
    """Read an appointment of the clinic that is open; another clinic's is not found."""
    facts = appointments.get(clinic_id=current.clinic().id, public_id=public_id)
    if facts is None:
        abort(404)
    return facts


def facts_for_preview(facts: Facts) -> dict[str, Any]:
    """Return what the plan of an appointment depends on besides its time."""
    names = "first_name", "phone_e164", "phone_flag", "agreed", "reminders_on", "patient_zone", "duration_minutes"
    link = links.as_shown(links.url_of(key=facts.key, now=now()))
    return {name: getattr(facts, name) for name in names} | {"clinician": facts.clinician or "", "link": link}


def placed(facts: Facts) -> Placed:
    """Return the time an appointment has."""
    return Placed(facts.starts_local, facts.time_zone, facts.fold, facts.starts_at)


def _do(action: Any, public_id: str, **what: Any) -> Any:
    """Do something to an appointment; a refusal is told on the next page. Returns what the action did, or None."""
    try:
        done = action(clinic_id=current.clinic().id, appointment_id=public_id, by=current.actor(), now=now(), **what)
    except NotHere:
        abort(404)
    except Refused as refused:
        flash(refused.words, "warn")
        return None
    return bool(done)


def _back(public_id: str) -> Response:
    if request.form.get("then") == "list":
        return redirect(url_for("day.day", on=found(public_id).starts_local.date()), 303)
    return redirect(url_for("appointments.show", public_id=public_id), 303)


def _page(facts: Facts) -> str:
    clinic, zone = current.clinic(), facts.time_zone
    known = reminders.of_appointment(clinic_id=clinic.id, key=facts.key)
    patient_url = links.url_of(key=facts.key, now=now())
    texts = [text_steps.reminder(each, zone, links.as_shown(patient_url), now()) for each in known]
    odd = warnings.about_number(clinic.id, facts.phone_e164, but_not=facts.patient_id)
    if facts.state == "booked" and facts.starts_at > now():
        odd += warnings.about_time(clinic.id, placed(facts), facts.duration_minutes)
        odd += warnings.about_same_day(clinic.id, facts.patient_id, placed(facts), but_not=facts.id)
    return render_template(
        "appointments/show.html",
        facts=facts,
        when=text_steps.placed_words(placed(facts)),
        zone=text_steps.zone_words(placed(facts), now()),
        standing_words=day_rows.STANDING_WORDS.get(facts.standing),
        texts=[text for text in texts if text["current"]],
        earlier=[text for text in texts if not text["current"]],
        warnings=odd,
        undo=_undo(facts, told=_tells(facts, known)),
        patient_url=patient_url,
        with_link=[text for text in texts if text["carries_link"]],
        has_come=to_local(now(), zone).date() >= facts.starts_local.date(),
        ahead=facts.starts_at > now(),
    )


def _tells(facts: Facts, known: list[ReminderFacts]) -> bool:
    """Say whether a text about the last change is on its way to the patient."""
    notices = [each for each in known if facts.notice_kind and each.step.startswith(facts.notice_kind)]
    return any(each.current and not each.skipped for each in notices)


def _undo(facts: Facts, *, told: bool) -> dict[str, str] | None:
    """Offer to take back what was done last, while nobody has been told."""
    if facts.undo_until is None or facts.undo_until < now() or facts.starts_at < now():
        return None
    if facts.state != "cancelled" and not facts.moved_from:
        return None
    done = "Cancelled" if facts.state == "cancelled" else "Moved"
    follows = "the patient is told after this" if told else "the patient is not told by text"
    until = spoken.clock(to_local(facts.undo_until, facts.time_zone))
    return {"url": url_for("appointments.undo", public_id=facts.id), "words": f"{done}: {follows}.", "until": until}


def _cancel_page(form: CancelForm, facts: Facts) -> str:
    clinic = current.clinic()
    notice = Notice("cancelled", now().add(minutes=clinic.undo_minutes))
    goes_by = reminders.time_before_untold_move(key=facts.key, now=now())
    lines = previews.preview(
        clinic_id=clinic.id,
        starts=goes_by or placed(facts),
        wanted=False,
        notice=notice,
        now=now(),
        **facts_for_preview(facts),
    )
    return render_template(
        "appointments/cancel.html",
        form=form,
        facts=facts,
        when=text_steps.placed_words(placed(facts)),
        zone=text_steps.zone_words(placed(facts), now()),
        text=text_steps.preview_step(next(line for line in lines if line.key == notice.kind), facts.time_zone),
        goes_by=text_steps.placed_words(goes_by) if goes_by else "",
        undo_minutes=clinic.undo_minutes,
    )
