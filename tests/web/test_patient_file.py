"""Everything about one patient as a file: whole, only of this patient, and written down before it is handed out."""

import io
import json
import zipfile

import pytest
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Audit, OptOut
from tests import factories
from tests.conftest import check_html
from tests.delivering import trouble
from tests.texting import PHONE, heard, text
from tests.web.desk import page, send


@pytest.fixture
def manager(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    return client


def taken(client, patient):
    """What is in a patient's file: the JSON, and the page to print."""
    shown = f"/patients/{patient.public_id}"
    answer = send(client, f"{shown}/file", {}, opened=shown)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=patient-{patient.public_id}.zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as files:
        assert files.testzip() is None
        return json.loads(files.read("patient.json")), files.read("patient.html").decode()


def test_a_file_holds_what_was_sent_answered_and_done_and_nobody_elses(manager, clinic, worker, clock, sandbox):
    trouble(sandbox)
    carol = factories.a_patient(clinic, "Carol", "<Reed>", phone_e164=PHONE)
    visit = factories.an_appointment(clinic, carol)
    factories.an_appointment(clinic, factories.a_patient(clinic, "Somebody", "Else"))
    with transaction() as session:
        session.add(OptOut(e164=PHONE, sender="MG" + "e" * 32, source="text", started_at=clock.now()))
    clock.forward(minutes=3)
    worker.settle()
    heard(visit, clock.now())
    clock.forward(minutes=1)
    text("1", clock.now())
    everything, printed = taken(manager, carol)
    assert everything["appointments"][0]["answer"] == "confirmed" and everything["appointments"][0]["reminders"]
    assert everything["opt_outs"] == [], "what was said to another clinic's sender is not this clinic's to tell"
    first = everything["texts"][0]
    assert first["to_e164"] == PHONE and first["attempts"][0]["outcome"] and first["history"]
    assert [one["body"] for one in everything["answers"]] == ["1"] and everything["pages_opened"]
    last = everything["audit"][-1]
    assert (last["what"], last["hash"]) == ("patient.file_taken", everything["audit_head"]["hash"])
    assert {"patient.file_taken", "answer.confirm", "message.submitting"} <= {
        row["what"] for row in everything["audit"]
    }
    assert "Somebody" not in json.dumps(everything) and "Somebody" not in printed
    check_html(printed)
    assert "&lt;Reed&gt;" in printed and last["hash"] in printed


def test_taking_a_file_is_written_down_and_reception_cannot(manager, client, clinic):
    carol = factories.a_patient(clinic)
    taken(manager, carol)
    db.session.rollback()
    entry = db.session.scalar(select(Audit).where(Audit.what == "patient.file_taken"))
    assert (entry.actor, entry.subject) == ("staff:Alice", carol.public_id)
    factories.sign_in(client, clinic, name="Rita")
    assert "/file" not in page(client, f"/patients/{carol.public_id}")
