"""Where our ledger and Twilio's lists differ, for managers: how many texts, since when known, and one button."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import reconciling
from reminder_site.gateways.sms import SmsError, sms
from reminder_site.queries import health
from reminder_site.web import current
from reminder_site.web.now import now

pages = Blueprint("drift", __name__)


@pages.get("/drift")
def show() -> str:
    """Say how many texts stand differently here and at Twilio, as last compared."""
    return render_template("settings/drift.html", count=health.drift(), checked_at=health.drift_checked_at())


@pages.post("/drift/fix")
def fix() -> Response:
    """Compare with Twilio now and put right whatever needs no person."""
    try:
        found = reconciling.compare(sms=sms(), now=now())
        done = [reconciling.put_right(difference=one, sms=sms(), by=current.actor(), now=now()) for one in found]
        left = len(reconciling.compare(sms=sms(), now=now())) if found else 0
    except SmsError:
        flash("Twilio could not be asked just now, so nothing was changed. Please try again in a minute.", "error")
    else:
        put_right = len([words for words in done if words])
        flash(f"Compared with Twilio: {put_right} put right, {left} left.", "warn" if left else "ok")
    return redirect(url_for("drift.show"), 303)
