"""The words for registering this clinic's sender in the United States, ready to be copied into Twilio's forms."""

from flask import Blueprint, render_template, url_for

from reminder_site.config import settings
from reminder_site.domain.consent import DEFAULT_WORDING
from reminder_site.domain.registration import kit
from reminder_site.queries import consent_wordings
from reminder_site.queries import settings as shown
from reminder_site.web import current
from reminder_site.web.now import now

pages = Blueprint("registration", __name__)
SAMPLE_LINK = "/m/Qw3rTy7uIoPa"


@pages.get("/registration")
def show() -> str:
    """Fill the forms' fields in with what stands in the clinic's settings."""
    clinic, base = current.clinic(), settings().public_base_url
    wordings = consent_wordings.of_clinic(clinic.id)
    entries = kit(
        name=clinic.name,
        values=shown.sample_values(clinic, now=now(), link=base + SAMPLE_LINK),
        templates={kind: row.body for kind, row in shown.templates(clinic.id).items()},
        consent=wordings[0].body if wordings else DEFAULT_WORDING,
        privacy=base + url_for("legal.privacy"),
        terms=base + url_for("legal.terms"),
    )
    return render_template("settings/registration.html", entries=entries, noted=bool(wordings))
