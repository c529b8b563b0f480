"""How the site is: for operators and load balancers, for the header of every page, and the style guide."""

from flask import Blueprint, Response, jsonify, render_template

from reminder_site.domain import zones
from reminder_site.queries import health
from reminder_site.web.now import now

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def healthz() -> tuple[Response, int]:
    """Answer 200 while reminders go out as they should, 503 when something is down; holds no patient data."""
    checks = health.checks(now=now())
    status = health.worst(checks)
    return jsonify({"status": status, "checks": checks, "tzdata": zones.version()}), 503 if status == "down" else 200


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
