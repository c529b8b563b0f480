"""What pages do after saving, when somebody else was quicker, and when a form was sent again with other content."""

import secrets
from datetime import time
from typing import Any

from flask import flash
from wtforms import Form, FormField, PasswordField

from reminder_site.actions import replanning
from reminder_site.web import current
from reminder_site.web.now import now

HIDDEN = {"VersionField", "CSRFTokenField"}


def say_saved(words: str = "Saved.") -> None:
    """Plan the clinic's coming appointments anew and say how many of them changed."""
    done = replanning.follow(clinic_id=current.clinic().id, by=current.actor(), now=now())
    if done.looked_at:
        told = f"{done.changed:,} of {done.looked_at:,}" if done.changed else f"None of {done.looked_at:,}"
        words += f" {told} coming appointments got other texts."
    if done.unfinished:
        words += " The rest follow in the background."
    flash(words, "ok")


def differences(mine: Form, theirs: Form) -> list[dict[str, str]]:
    """Set what was typed beside what somebody else saved meanwhile, field by field."""
    rows = []
    for field, other in zip(mine, theirs, strict=True):
        if field.type in HIDDEN or isinstance(field, PasswordField):
            continue
        if isinstance(field, FormField):
            inside = differences(field.form, other.form)
            rows += [{**row, "label": f"{field.label.text}, {row['label']}"} for row in inside]
        else:
            rows.append({"label": field.label.text, "yours": _told(field), "theirs": _told(other)})
    return [row for row in rows if row["yours"] != row["theirs"]]


def renew_nonce(form: Any) -> None:
    """Give a form a mark of its own: sent again it is another one, which whoever sends it has been asked about."""
    form.nonce.data, form.nonce.raw_data = secrets.token_urlsafe(24), None


def _told(field: Any) -> str:
    if field.type == "SelectField":
        return next((label for value, label, *_ in field.iter_choices() if value == field.data), str(field.data))
    if isinstance(field.data, bool):
        return "yes" if field.data else "no"
    return f"{field.data:%H:%M}" if isinstance(field.data, time) else str(field.data or "")
