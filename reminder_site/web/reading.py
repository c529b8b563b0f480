"""Has it written down whose page somebody opened, once the page is made and before it goes out."""

import logging

from flask import Flask, Response, g, request

from reminder_site.actions import reading
from reminder_site.web import current
from reminder_site.web.now import now

log = logging.getLogger("reminder_site.reading")


def opened(patient_id: str) -> None:
    """Say that the page of this request shows a patient (by public id)."""
    g.reads_patient = patient_id


def register(app: Flask) -> None:
    """Put it behind every page."""
    app.after_request(_note)


def _note(response: Response) -> Response:
    patient_id = g.pop("reads_patient", None)
    if patient_id is None or response.status_code >= 400 or request.method == "HEAD":
        return response
    try:
        reading.note(
            clinic_id=current.clinic().id,
            patient_id=patient_id,
            staff_id=current.staff().id,
            page=str(request.endpoint),
            now=now(),
        )
    except Exception:  # a disk that is full must not keep a patient's page from whoever needs it
        log.exception("that a patient's page was opened could not be written down")
    return response
