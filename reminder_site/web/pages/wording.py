"""Settings: the wording of each kind of text, with a preview as a made-up patient."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import templates
from reminder_site.actions.settings_guard import SettingsChanged
from reminder_site.domain import wording
from reminder_site.queries import settings as shown
from reminder_site.queries.links import as_shown
from reminder_site.web import current
from reminder_site.web.forms.settings import TemplateForm
from reminder_site.web.now import now
from reminder_site.web.saved import say_saved

pages = Blueprint("wording", __name__, url_prefix="/settings/texts")
Page = str | Response | tuple[str, int]
COUNTED_DAYS = 30
NAMES = {
    "confirmation": ("Confirmation", "sent once a time is booked"),
    "reminder_ask": ("Reminder that asks", "sent by rules that ask for an answer"),
    "reminder_short": ("Short reminder", "sent by rules that ask nothing, or to those who have confirmed"),
    "moved": ("New time", "sent after an appointment was moved"),
    "cancelled": ("Cancellation", "sent after the clinic cancelled"),
    "still_on": ("Still on", "sent when a cancellation was taken back after the patient had been told"),
    "confirmed_reply": ("Answer to “yes”", "sent back at once"),
    "change_reply": ("Answer to “change”", "sent back at once"),
    "cannot_come_reply": ("Answer to “can't come”", "sent back at once"),
    "help_reply": ("Answer to a question for help", "sent back at once"),
    "unclear_reply": ("Answer to what was not understood", "sent back at once; a person reads it too"),
    "which_one_reply": ("Answer when there are several appointments", "sent back at once; a person reads it too"),
}


@pages.get("")
def all_texts() -> str:
    """List every text as a made-up patient would get it."""
    texts = shown.templates(current.clinic().id)
    rows = [
        {"kind": kind, "name": NAMES[kind][0], "when": NAMES[kind][1], "seen": _seen(row.body)}
        for kind, row in texts.items()
    ]
    return render_template("settings/texts.html", rows=rows, links=_links({k: row.body for k, row in texts.items()}))


@pages.post("/links")
def take_in_links() -> Response:
    """Put the patient's link into the texts that ask, where they have the site's wording from before."""
    changed = templates.take_in_links(clinic_id=current.clinic().id, by=current.actor(), now=now())
    say_saved(f"The link stands in {len(changed)} texts now. What is planned but not sent follows.")
    return redirect(url_for("wording.all_texts"), 303)


@pages.route("/<kind>", methods=["GET", "POST"])
def change(kind: str) -> Page:
    """Change one wording; what is planned but not sent follows."""
    row = shown.templates(current.clinic().id).get(kind) or abort(404)
    form, theirs = TemplateForm(data={"body": row.body, "version": row.version}), ""
    form.text_kind = kind
    if form.validate_on_submit() and "check" not in request.form:
        try:
            templates.change_template(
                clinic_id=current.clinic().id,
                kind=kind,
                body=form.body.data,
                version=form.version.data,
                by=current.actor(),
                now=now(),
            )
        except SettingsChanged:
            theirs, form.version.data = row.body, row.version
        else:
            say_saved(f"{NAMES[kind][0]}: saved.")
            return redirect(url_for("wording.all_texts"), 303)
    page = render_template("settings/text.html", **_page(kind, form), theirs=theirs)
    return page, 409 if theirs else 422 if form.errors else 200


@pages.post("/<kind>/preview")
def preview(kind: str) -> Page:
    """Draw what a patient would read, as it is typed."""
    if kind not in NAMES:
        abort(404)
    form = TemplateForm()
    form.text_kind = kind
    form.validate()
    return render_template("settings/text_preview.html", **_page(kind, form))


def _page(kind: str, form: TemplateForm) -> dict[str, Any]:
    body = form.body.data or ""
    return {
        "form": form,
        "kind": kind,
        "name": NAMES[kind][0],
        "when": NAMES[kind][1],
        "default": wording.DEFAULT_TEMPLATES[kind],
        "fields": wording.PLACEHOLDERS,
        "seen": None if form.body.errors else _seen(body),
    }


def _links(bodies: Mapping[str, str]) -> dict[str, Any] | None:
    """Say what it costs to put the link into the texts that ask; None once all of them carry it."""
    lacking = [kind for kind in wording.WITHOUT_LINK if not wording.carries_link(bodies[kind])]
    if not lacking:
        return None
    left = shown.texts_left(current.clinic().id, since=now().subtract(days=COUNTED_DAYS))
    rows = []
    for kind in lacking:
        own = bodies[kind] != wording.WITHOUT_LINK[kind]
        before = _seen(bodies[kind])["size"].segments
        after = before if own else _seen(wording.DEFAULT_TEMPLATES[kind])["size"].segments
        about = {"kind": kind, "name": NAMES[kind][0], "own": own, "left": left[kind]}
        rows.append(about | {"before": before, "after": after, "more": (after - before) * left[kind]})
    return {"rows": rows, "days": COUNTED_DAYS, "more": sum(row["more"] for row in rows)}


def _seen(body: str) -> dict[str, Any]:
    """Read a wording as a made-up patient would: exact text, size, and what to think about."""
    values = shown.sample_values(current.clinic(), now=now(), link=as_shown(""))
    drawn = wording.preview(body, values)
    warnings = [*wording.warn(body), *(note for note in drawn.notes if note not in wording.warn(body))]
    return {"text": drawn.text, "size": drawn.segments, "characters": len(drawn.text), "warnings": warnings}
