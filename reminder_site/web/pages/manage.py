"""The patient's page: reading it changes nothing, a pressed button does. No sign-in, no cookie, no script.

Each button carries the page's own token, good for this link and this version of the appointment: a program that
follows links, or posts without having read the page, does nothing.
"""

import hmac
from hashlib import sha256
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from reminder_site.actions import link_answers
from reminder_site.config import settings
from reminder_site.domain import spoken
from reminder_site.domain.answers import Kind
from reminder_site.domain.calendar_file import Entry, calendar_file
from reminder_site.domain.dialogue import take_back
from reminder_site.domain.phones import dialled
from reminder_site.domain.refusals import AppointmentChanged, NotHere
from reminder_site.domain.text_safety import TextRefused, clean_text, strip_controls
from reminder_site.queries import links
from reminder_site.queries.links import Linked
from reminder_site.web.now import now

pages = Blueprint("manage", __name__, url_prefix="/m")

ANSWERS = frozenset({"confirm", "change", "cannot_come"})
LONGEST_WISH = 300
TOKEN_LENGTH = 32


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
    return _page(token, _found(token))


@pages.post("/<token>/answer")
def answer(token: str) -> AnyResponse | tuple[str, int]:
    """Take the pressed answer, then show the page anew."""
    linked, kind = _found(token), request.form.get("answer", "")
    if kind not in ANSWERS or not _from_this_page(linked):
        return _again(token)
    typed = request.form.get("wish", "") if kind == "change" else ""
    try:
        wish = clean_text(typed, LONGEST_WISH)
        decision = link_answers.record_from_link(
            link_id=linked.link_id, version=linked.version, kind=cast(Kind, kind), text=wish, now=now()
        )
    except TextRefused as refused:
        return _page(token, linked, wish=strip_controls(typed), wrong=refused.words), 422
    except AppointmentChanged:
        return _again(token)
    except NotHere:
        abort(404)
    told = "asked" if kind == "change" and decision.step == "none" else None
    return redirect(url_for("manage.show", token=token, told=told), 303)


@pages.post("/<token>/undo")
def undo(token: str) -> AnyResponse:
    """Take the last answer back, then show the page anew."""
    linked = _found(token)
    if not _from_this_page(linked):
        return _again(token)
    try:
        link_answers.undo_from_link(link_id=linked.link_id, version=linked.version, now=now())
    except AppointmentChanged:
        return _again(token)
    except NotHere:
        abort(404)
    return redirect(url_for("manage.show", token=token, told="undone"), 303)


@pages.get("/<token>/appointment.ics")
def calendar(token: str) -> Response:
    """Give the appointment as a calendar file; fetched again after a change, it replaces the earlier entry."""
    linked = _found(token)
    entry = Entry(
        uid=f"{linked.uid}@{urlsplit(settings().public_base_url).hostname}",
        sequence=linked.ics_sequence,
        clinic=linked.clinic,
        place=linked.address,
        starts_at=linked.standing.starts_at,
        ends_at=linked.ends_at,
        cancelled=linked.standing.cancelled,
    )
    response = Response(calendar_file(entry, now()), mimetype="text/calendar")
    response.headers.set("Content-Disposition", "attachment", filename="appointment.ics")
    return response


def _found(token: str) -> Linked:
    """Find what the link opens; wrong, expired and revoked ones end on the same page."""
    linked = links.find(token, now=now())
    if linked is None:
        abort(404)
    return linked


def _again(token: str) -> AnyResponse:
    return redirect(url_for("manage.show", token=token, told="changed"), 303)


def _page(token: str, linked: Linked, *, wish: str = "", wrong: str = "") -> str:
    starts_at = linked.standing.starts_at
    return render_template(
        "manage/show.html",
        token=token,
        linked=linked,
        stands=_stands(linked),
        day=spoken.long_day(linked.starts_local.date()),
        clock=spoken.clock(linked.starts_local),
        distance=spoken.moment_words(starts_at, linked.time_zone, now()).rpartition(" · ")[2],
        at_iso=starts_at.to_iso8601_string(),
        page_token=_page_token(linked),
        can_undo=take_back(linked.standing, now()).step == "take_back",
        clinic={
            "name": linked.clinic,
            "phone": dialled(linked.phone, linked.country),
            "phone_shown": linked.phone,
        },
        told=request.args.get("told", ""),
        wish=wish,
        wrong=wrong,
        longest_wish=LONGEST_WISH,
    )


def _stands(linked: Linked) -> str:
    """Name how the appointment stands, as the page words it."""
    standing = linked.standing
    if now() >= standing.starts_at:
        return "past"
    if not standing.cancelled:
        return "open" if standing.answer == "none" else standing.answer
    return "cannot_come" if standing.cancelled_by == "patient" else "cancelled"


def _page_token(linked: Linked, key: bytes | None = None) -> str:
    about = f"{linked.link_id}:{linked.version}".encode()
    return hmac.new(key or settings().keys("page")[0], about, sha256).hexdigest()[:TOKEN_LENGTH]


def _from_this_page(linked: Linked) -> bool:
    given = request.form.get("csrf_token", "").encode()
    good = [_page_token(linked, key).encode() for key in settings().keys("page")]
    return any([hmac.compare_digest(given, token) for token in good])
