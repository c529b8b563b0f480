"""The patient's page: reading it changes nothing, a pressed button does. No sign-in, no cookie, no script.

Each page carries a token of its own, good for this link and for what it showed: a program that follows links, presses
at once, or presses everything there is does nothing.
"""

from typing import Any, cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from reminder_site.actions import link_answers
from reminder_site.config import settings
from reminder_site.domain import spoken
from reminder_site.domain.answers import ANSWERED_BY
from reminder_site.domain.calendar_file import Entry, calendar_file
from reminder_site.domain.dialogue import take_back
from reminder_site.domain.issued_page import IssuedPage, Pressed
from reminder_site.domain.phones import dialled
from reminder_site.domain.refusals import AppointmentChanged, NotHere
from reminder_site.domain.text_safety import TextRefused, clean_text, strip_controls
from reminder_site.queries.links import Linked, address_of
from reminder_site.web import opened, page_tokens
from reminder_site.web.now import machine_now, now
from reminder_site.web.patient_words import words

pages = Blueprint("manage", __name__, url_prefix="/m")

ANSWERS = frozenset({"confirm", "change", "cannot_come", "keep"})
TOLD = {"confirm": "done", "cannot_come": "done", "change": "asked", "undo": "undone"}
LONGEST_WISH = 300
Page = AnyResponse | str | tuple[str, int]


@pages.before_request
def _watch_for_heads() -> None:
    if request.method == "HEAD" and request.view_args:
        page_tokens.heads.note(request.view_args["token"])


@pages.after_request
def keep_private(response: Response) -> Response:
    """Keep the page out of caches and search engines."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if response.status_code == 429:
        response.headers["Retry-After"] = "600"
    return response


@pages.get("/<token>")
def show(token: str) -> str:
    """Show the appointment and what can be answered to it."""
    return _page(token, opened.linked(token), told=request.args.get("told", ""))


@pages.get("/<token>/answer", endpoint="look")
@pages.get("/<token>/undo", endpoint="look")
def look(token: str) -> AnyResponse:
    """Lead back to the page from an address that only takes answers: phones open it again after a restart."""
    return redirect(url_for("manage.show", token=token), 303)


@pages.post("/<token>/answer")
def answer(token: str) -> Page:
    """Take the pressed answer, then show the page anew; "can't come" is asked about once more."""
    linked, kind = opened.linked(token), request.form.get("answer", "")
    if kind not in ANSWERS:
        return _again(token, linked, "changed")
    typed = request.form.get("wish", "") if kind == "change" else ""
    try:
        wish = clean_text(typed, LONGEST_WISH)
    except TextRefused as refused:
        return _page(token, linked, wish=strip_controls(typed), wrong=refused.words), 422
    return _pressed(token, linked, cast(Pressed, kind), wish)


@pages.post("/<token>/undo")
def undo(token: str) -> Page:
    """Take the last answer back, then show the page anew."""
    return _pressed(token, opened.linked(token), "undo")


@pages.get("/<token>/appointment.ics")
def calendar(token: str) -> Response:
    """Give the appointment as a calendar file; fetched again after a change, it replaces the earlier entry."""
    linked = opened.linked(token)
    host = urlsplit(settings().public_base_url).hostname
    entry = Entry(
        uid=f"{linked.uid}@{host}",
        sequence=linked.ics_sequence,
        clinic=linked.clinic,
        organizer=f"no-reply@{host}",
        place=linked.address,
        phone=linked.phone,
        url=address_of(token),
        starts_at=linked.standing.starts_at,
        ends_at=linked.ends_at,
        cancelled=linked.standing.cancelled,
    )
    response = Response(calendar_file(entry, now()))
    response.headers["Content-Type"] = f"text/calendar; method={entry.method}; charset=utf-8"
    response.headers.set("Content-Disposition", "attachment", filename="appointment.ics")
    return response


def _pressed(token: str, linked: Linked, kind: Pressed, wish: str = "") -> Page:
    page = page_tokens.read(linked, request.form.get("csrf_token", ""))
    if page is None:
        return _again(token, linked, "changed", wish)
    if kind != "keep" and (page.too_soon(machine_now()) or page_tokens.heads.just_seen(token)):
        return _again(token, linked, "quick", wish)
    try:
        outcome = link_answers.press(link_id=linked.link_id, page=page, kind=kind, text=wish, now=now())
    except AppointmentChanged:
        linked = opened.anew(token)
        said_already = not wish and ANSWERED_BY.get(linked.standing.answer) == kind
        return _again(token, linked, "twice" if said_already else "changed", wish)
    except NotHere:
        opened.ended(token)
    if outcome.became == "sure":
        return _sure(token, linked, page)
    if outcome.became == "contradicts":
        return _again(token, opened.anew(token), "kept" if kind == "keep" else "otherwise", wish)
    return _again(token, linked, "twice" if outcome.became == "repeated" else TOLD[kind])


def _again(token: str, linked: Linked, told: str, wish: str = "") -> Page:
    """Show the page anew, as it stands now; what was typed and is not recorded stays in its place."""
    if wish:
        return _page(token, linked, told=told, wish=wish)
    return redirect(url_for("manage.show", token=token, told=told), 303)


def _sure(token: str, linked: Linked, page: IssuedPage) -> str:
    page_token = page_tokens.issue(linked, sure_of=page)
    return render_template("manage/sure.html", **_facts(token, linked), page_token=page_token)


def _page(token: str, linked: Linked, *, told: str = "", wish: str = "", wrong: str = "") -> str:
    facts = _facts(token, linked)
    return render_template(
        "manage/show.html",
        **facts,
        first=words(told, facts["stands"], linked.first_name),
        page_token=page_tokens.issue(linked),
        wish=wish,
        wrong=wrong,
        longest_wish=LONGEST_WISH,
    )


def _facts(token: str, linked: Linked) -> dict[str, Any]:
    starts_at = linked.standing.starts_at
    return {
        "token": token,
        "linked": linked,
        "stands": _stands(linked),
        "day": spoken.long_day(linked.starts_local.date()),
        "clock": spoken.clock(linked.starts_local),
        "distance": spoken.moment_words(starts_at, linked.time_zone, now()).rpartition(" · ")[2],
        "at_iso": starts_at.to_iso8601_string(),
        "can_undo": take_back(linked.standing, now()).step == "take_back",
        "clinic": {
            "name": linked.clinic,
            "phone": dialled(linked.phone, linked.country),
            "phone_shown": linked.phone,
        },
    }


def _stands(linked: Linked) -> str:
    """Name how the appointment stands, as the page words it."""
    standing = linked.standing
    if now() >= standing.starts_at:
        return "past"
    if not standing.cancelled:
        return "open" if standing.answer == "none" else standing.answer
    return "cannot_come" if standing.cancelled_by == "patient" else "cancelled"
