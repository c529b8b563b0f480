"""Everything about one patient as a file: JSON for programs and a page to print, in one zip."""

import io
import json
import zipfile

from flask import Blueprint, Response, abort, render_template, send_file

from reminder_site.actions.patient_files import note_taken
from reminder_site.domain.refusals import NotHere
from reminder_site.queries import patient_file
from reminder_site.web import current
from reminder_site.web.now import now

pages = Blueprint("patient_file", __name__, url_prefix="/patients")


@pages.post("/<patient_id>/file")
def take(patient_id: str) -> Response:
    """Hand out everything about a patient, and write down who took it. The name of the file names nobody."""
    clinic = current.clinic()
    try:
        note_taken(clinic_id=clinic.id, patient_id=patient_id, by=current.actor(), now=now())
    except NotHere:
        abort(404)
    everything = patient_file.of_patient(clinic_id=clinic.id, public_id=patient_id)
    if everything is None:
        abort(404)
    everything = {"made_at": now().isoformat(), "made_by": current.staff().name, **everything}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("patient.json", json.dumps(everything, indent=2, ensure_ascii=False))
        files.writestr("patient.html", render_template("patients/file.html", everything=everything))
    packed.seek(0)
    return send_file(packed, "application/zip", as_attachment=True, download_name=f"patient-{patient_id}.zip")
