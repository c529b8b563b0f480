"""The record of changes: searched by a form, and who opened a patient's page stands in it."""

import pytest
from sqlalchemy import select, text

from reminder_site.db import db, transaction
from reminder_site.models import PatientRead
from tests import factories
from tests.web.desk import page, send


def reads():
    db.session.rollback()
    return db.session.scalars(select(PatientRead.page).order_by(PatientRead.id)).all()


@pytest.fixture
def auditor(client, clinic):
    factories.sign_in(client, clinic, role="auditor")
    return client


def test_an_auditor_finds_who_opened_a_patients_page(auditor, clinic, clock):
    carol, ann = factories.a_patient(clinic), factories.a_patient(clinic, "Ann")
    visit = factories.an_appointment(clinic, ann)
    page(auditor, "/patients")
    assert reads() == []
    for _ in range(2):
        page(auditor, f"/patients/{carol.public_id}")
    page(auditor, f"/appointments/{visit.public_id}")
    page(auditor, "/patients/nobody", 404)
    assert reads() == ["patients.show", "appointments.show"]
    clock.forward(minutes=16)
    page(auditor, f"/patients/{carol.public_id}")
    assert len(reads()) == 3
    found = send(auditor, "/audit/find", {"kind": "reads", "subject": ann.public_id}, opened="/audit")
    html = found.get_data(as_text=True)
    assert "Ann Reed" in html and "opened appointments show" in html and "Carol" not in html
    assert "Only about Ann Reed" in html


def test_what_is_typed_is_kept_and_what_is_no_day_is_none(auditor, clinic):
    typed = {"who": "<Bob>", "first": "2026-11-05", "last": "2026-11-01", "kind": "nonsense", "before": "x"}
    html = send(auditor, "/audit/find", typed, opened="/audit").get_data(as_text=True)
    assert 'value="&lt;Bob&gt;"' in html and "Nothing found" in html
    assert 'name="first" value="2026-11-01"' in html and 'name="last" value="2026-11-05"' in html
    assert send(auditor, "/audit/find", {"first": "yesterday"}, opened="/audit").status_code == 200


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_page_is_shown_even_where_that_cannot_be_written_down(auditor, clinic):
    carol = factories.a_patient(clinic)
    with transaction() as session:
        refuse = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        session.execute(text(f"CREATE TRIGGER full_disk BEFORE INSERT ON patient_read {refuse}"))
    assert "Carol" in page(auditor, f"/patients/{carol.public_id}") and reads() == []


def test_reception_has_no_record_of_changes(client, clinic):
    factories.sign_in(client, clinic)
    page(client, "/audit", 403)
    assert "Who did what" not in page(client, f"/patients/{factories.a_patient(clinic).public_id}")


@pytest.mark.parametrize("kind", ["", "reads"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_days_like_others(auditor, kind, day):
    for first, last in ((day, day), ("", day), (day, "")):
        found = send(auditor, "/audit/find", {"first": first, "last": last, "kind": kind}, opened="/audit")
        assert found.status_code == 200
