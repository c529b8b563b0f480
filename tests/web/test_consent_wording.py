"""The wording of consent: kept by version, never changed, and noted with each patient beside who asked and when."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Audit, ConsentWording, Patient
from tests.factories import a_clinic, a_patient, sign_in
from tests.texting import fresh
from tests.web.test_patients import post

FIRST, SECOND = "May we text you? STOP ends it.", "May we text you about visits? STOP ends it."
PAGE = "/settings/consent"


@pytest.fixture
def desk(client, clinic):
    sign_in(client, clinic, role="manager")
    return client


def kept():
    db.session.rollback()
    rows = select(ConsentWording.version, ConsentWording.body).order_by(ConsentWording.version)
    return [tuple(row) for row in db.session.execute(rows)]


def test_a_new_wording_is_a_new_version_and_the_old_one_stays_as_it_was(desk):
    assert "May we text you about your appointments here" in desk.get(PAGE).text
    for body in (FIRST, SECOND, SECOND):
        assert post(desk, PAGE, body=body).status_code == 303
    assert kept() == [(1, FIRST), (2, SECOND)]
    page = desk.get(PAGE).text
    assert FIRST in page and SECOND in page and "by Alice" in page
    audited = db.session.scalars(select(Audit.facts).where(Audit.what == "consent_wording.added")).all()
    assert sorted(facts["version"] for facts in audited) == [1, 2]


def test_an_empty_wording_is_refused(desk):
    answer = post(desk, PAGE, body="  ")
    assert (answer.status_code, kept()) == (422, [])
    assert "Write what patients are read" in answer.text


def test_a_new_patient_agrees_to_the_version_that_was_chosen(desk, clinic):
    for body in (FIRST, SECOND):
        post(desk, PAGE, body=body)
    page = BeautifulSoup(desk.get("/patients/new").text, "html.parser")
    assert [one["value"] for one in page.select("select[name=wording] option")] == ["2", "1"]
    typed = {"first_name": "Ann", "phone": "(212) 555-0177", "consent": "written"}
    shown = desk.get(post(desk, "/patients/new", **typed, wording="1").location).text
    ann = db.session.scalars(select(Patient)).one()
    assert (ann.consent_wording, ann.consent_how) == (1, "written")
    assert "yes, in writing" in shown and "asked by Alice" in shown
    assert "version 1" in shown and FIRST in shown and SECOND not in shown
    assert post(desk, "/patients/new", **typed, wording="9").status_code == 422


def test_who_agrees_later_agrees_to_the_newest_unless_another_is_named(desk, clinic):
    for body in (FIRST, SECOND):
        post(desk, PAGE, body=body)
    ann, bea = a_patient(clinic, "Ann", consent_how=""), a_patient(clinic, "Bea", consent_how="")
    assert SECOND in desk.get(f"/patients/{ann.public_id}").text
    post(desk, f"/patients/{ann.public_id}", f"/patients/{ann.public_id}/consent", how="spoken")
    post(desk, f"/patients/{bea.public_id}", f"/patients/{bea.public_id}/consent", how="written", wording="1")
    assert (fresh(ann).consent_wording, fresh(bea).consent_wording) == (2, 1)
    noted = db.session.scalars(select(Audit.facts).where(Audit.what == "patient.consent").order_by(Audit.id)).all()
    assert [facts["wording"] for facts in noted] == [2, 1]
    post(desk, f"/patients/{bea.public_id}", f"/patients/{bea.public_id}/consent", how="")
    assert fresh(bea).consent_wording is None


def test_another_clinics_wording_is_neither_seen_nor_agreed_to(desk, clinic, now):
    oak = a_clinic("Oak Clinic")
    with transaction() as session:
        session.add(ConsentWording(clinic_id=oak.id, version=7, body="Oak words", made_at=now))
    ann = a_patient(clinic, "Ann", consent_how="")
    assert "Oak words" not in desk.get(PAGE).text
    page = f"/patients/{ann.public_id}"
    assert post(desk, page, f"{page}/consent", how="spoken", wording="7").status_code == 404
    assert fresh(ann).consent_how == ""
