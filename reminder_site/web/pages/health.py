"""How the site is: for operators and load balancers, for the header of every page, and the style guide."""

import pendulum
from flask import Blueprint, Response, current_app, jsonify, render_template

from reminder_site.actions.check_up import check_up
from reminder_site.config import VERSION
from reminder_site.domain import zones
from reminder_site.queries import health
from reminder_site.web import metrics as written_metrics
from reminder_site.web.now import machine_now, now

pages = Blueprint("health", __name__)


@pages.get("/livez")
def livez() -> tuple[Response, int]:
    """Answer 200 while this web process takes requests; asks nobody else."""
    return jsonify({"status": "ok", "version": VERSION}), 200


@pages.get("/healthz")
def healthz() -> tuple[Response, int]:
    """Answer 200 while reminders go out as they should, 503 when something is down; holds no patient data."""
    here = current_app.extensions
    checks = check_up(
        probe=here["write_probe"],
        refused_here=here["refusals"].waiting(now=machine_now()),
        now=now(),
        real_now=machine_now(),
    )
    status, told = health.worst(checks), {name: _told(name, check) for name, check in checks.items()}
    return jsonify({"status": status, "checks": told, "tzdata": zones.version()}), 503 if status == "down" else 200


@pages.get("/metrics")
def metrics() -> Response:
    """Write the numbers for Prometheus, for programs on this machine and whoever shows METRICS_TOKEN."""
    if not written_metrics.may_read():
        return Response("Not from here without the token.\n", 401, {"WWW-Authenticate": "Bearer"}, "text/plain")
    words, content_type = written_metrics.written()
    return Response(words, content_type=content_type)


def _told(name: str, check: health.Check) -> dict[str, str | None]:
    """Write a check out; of what nobody else notes, this process remembers since when it has seen it."""
    seen: dict[str, pendulum.DateTime] = current_app.extensions.setdefault("seen_unwell", {})
    if check.status == "ok":
        seen.pop(name, None)
        return {"status": check.status, "words": check.words}
    since = check.since or seen.setdefault(name, now())
    stamp = since.in_timezone("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"status": check.status, "words": check.words, "since": stamp, "means_for_patients": check.means}
    return {**told, "detail": check.detail} if check.detail else {**told}


@pages.get("/pulse")
def pulse() -> str:
    """Draw the header's heartbeat and inbox count, which renew themselves."""
    return render_template("parts/pulse.html")


@pages.get("/styleguide")
def styleguide() -> str:
    """Draw every part of the staff pages."""
    return render_template("styleguide.html")


@pages.get("/styleguide/patient")
def styleguide_patient() -> str:
    """Draw every part of the patient's page."""
    return render_template("styleguide_public.html")
