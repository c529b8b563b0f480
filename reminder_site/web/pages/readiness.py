"""Whether the site is ready for patients, for administrators: what `flask doctor` says, but for the trial texts."""

from flask import Blueprint, render_template

from reminder_site.actions import doctor
from reminder_site.domain.readiness import all_well
from reminder_site.gateways.alarms import alarms
from reminder_site.gateways.sms import sms
from reminder_site.web.now import now

pages = Blueprint("readiness", __name__)


@pages.get("/readiness")
def show() -> str:
    """Say what would be looked at; nothing is asked yet."""
    return render_template("settings/readiness.html", findings=None, well=False)


@pages.post("/readiness")
def look() -> str:
    """Look over the site and its Twilio account, and show what was found; nothing is changed."""
    findings = list(doctor.examine(sms=sms(), alarms=alarms(), now=now()))
    return render_template("settings/readiness.html", findings=findings, well=all_well(findings))
