"""Settings: alerts. What fires and who takes it, whom it was told, and whether alerts reach anybody at all."""

from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from reminder_site.actions import alerts
from reminder_site.config import settings
from reminder_site.domain.alerts import RULES
from reminder_site.domain.refusals import NotHere
from reminder_site.queries import alerts as shown
from reminder_site.web import current
from reminder_site.web.now import now

pages = Blueprint("alerts", __name__, url_prefix="/settings/alerts")


@pages.get("")
def index() -> str:
    """Show what fires, what was over last, and who hears of it."""
    known, mine, tests = settings(), current.clinic_ids(), shown.last_tests()
    return render_template(
        "settings/alerts.html",
        firing=shown.with_told(shown.firing(mine)),
        past=shown.past(mine),
        rules=RULES,
        operators=known.operators,
        webhook_host=urlsplit(known.alert_webhook_url).hostname,
        deadman_host=urlsplit(known.deadman_url).hostname,
        tests=tests,
        test_is_due=shown.test_is_due(tests, now=now()),
    )


@pages.post("/<alert_id>/take")
def take(alert_id: str) -> Response:
    """Say that one sees to an alert."""
    try:
        alerts.take(alert_id=alert_id, clinic_ids=current.clinic_ids(), by=current.actor(), now=now())
    except NotHere:
        abort(404)
    flash("You have taken it. It is not told again; everybody sees that it is yours until it is over.", "ok")
    return redirect(url_for("alerts.index"), 303)


@pages.post("/test")
def test() -> Response:
    """Send a test to whoever hears of alerts."""
    if alerts.send_test(by=current.actor(), now=now()):
        current_app.extensions["watch"].soon()
        flash("A test is on its way. Whoever gets it confirms that with the link in it.", "ok")
    else:
        flash("There is nobody to send it to yet: see below how alerts leave this site.", "error")
    return redirect(url_for("alerts.index"), 303)


@pages.route("/arrived/<token>", methods=["GET", "POST"])
def arrived(token: str) -> str | Response:
    """Ask whether a test has arrived, and note it when the button is pressed: opening a link changes nothing."""
    if request.method == "POST":
        try:
            alerts.confirm_test(token=token, by=current.actor(), now=now())
        except NotHere:
            abort(404)
        flash("Noted: the test has arrived.", "ok")
        return redirect(url_for("alerts.index"), 303)
    return render_template("settings/alert_arrived.html", token=token)
