"""A clinician who leaves: her coming appointments are shown first, and no move changes the clinician unsaid."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Clinician
from tests import factories
from tests.web.desk import page
from tests.web.forms import forms_of


@pytest.fixture
def osei(clinic):
    with transaction() as session:
        session.add(Clinician(clinic_id=clinic.id, name="Dr Lind"))
        session.add(osei := Clinician(clinic_id=clinic.id, name="Dr Osei"))
    return osei


@pytest.fixture
def desk(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    return client


def booked(clinic, osei, starts=datetime(2026, 11, 20, 14, 30), **more):
    return factories.an_appointment(clinic, factories.a_patient(clinic), starts, clinician_id=osei.id, **more)


def stands(table, row):
    db.session.rollback()
    return db.session.scalars(select(table).where(table.id == row.id).execution_options(populate_existing=True)).one()


def form_of(html, osei, asked=False):
    forms = [f for f in forms_of(html, "/") if f.action.endswith(osei.public_id)]
    form = next(f for f in forms if ("asked" in f.data) == asked)
    return form.action, {name: value for name, value in form.data.items() if not name.endswith("active")}


def switched_off(desk, osei):
    action, data = form_of(page(desk, "/settings/people"), osei)
    return desk.post(action, data=data)


def test_her_coming_appointments_are_listed_before_she_is_switched_off(desk, clinic, osei):
    appointment = booked(clinic, osei)
    asked = switched_off(desk, osei)
    html = asked.get_data(as_text=True)
    assert asked.status_code == 409 and stands(Clinician, osei).active
    assert "1 coming appointment is with Dr Osei" in html and "Fri 20 Nov, 2:30 pm" in html and "Carol Reed" in html
    assert f"/appointments/{appointment.public_id}/move" in html
    action, data = form_of(html, osei, asked=True)
    assert desk.post(action, data=data).status_code == 303
    assert not stands(Clinician, osei).active and stands(Appointment, appointment).clinician_id == osei.id


def test_one_booked_meanwhile_is_asked_about_too(desk, clinic, osei):
    booked(clinic, osei)
    action, data = form_of(switched_off(desk, osei).get_data(as_text=True), osei, asked=True)
    booked(clinic, osei, datetime(2026, 11, 21, 9))
    asked = desk.post(action, data=data)
    assert asked.status_code == 409 and "2 coming appointments are with Dr Osei" in asked.get_data(as_text=True)
    assert stands(Clinician, osei).active


def test_nobody_is_asked_about_what_is_past_cancelled_or_anothers(desk, clinic, osei):
    booked(clinic, osei, factories.MONDAY.naive() - timedelta(days=3), planned=False)
    booked(clinic, osei, state="cancelled", planned=False)
    factories.an_appointment(clinic, factories.a_patient(clinic))
    assert switched_off(desk, osei).status_code == 303 and not stands(Clinician, osei).active


def test_long_lists_say_how_many_more_there_are(desk, clinic, osei):
    with factories.at_once():
        for number in range(53):
            booked(clinic, osei, datetime(2026, 11, 20, 8) + timedelta(minutes=number), planned=False)
    html = switched_off(desk, osei).get_data(as_text=True)
    assert "53 coming appointments" in html and "And 3 more after these." in html


@pytest.mark.parametrize("chosen", ["kept", "changed"])
def test_a_move_changes_the_clinician_only_when_that_is_chosen(desk, clinic, osei, chosen):
    appointment = booked(clinic, osei)
    with transaction() as session:
        session.get_one(Clinician, osei.id).active = False
    address = f"/appointments/{appointment.public_id}/move"
    html = page(desk, address)
    assert "Dr Osei (can no longer be booked)" in html
    data = next(f for f in forms_of(html, "/") if f.action == address and "preview" not in f.data).data
    assert data["clinician"] == osei.public_id
    other = {"clinician": ""} if chosen == "changed" else {}
    assert desk.post(address, data={**data, "tell": "knows", "time": "15:30", **other}).status_code == 303
    assert stands(Appointment, appointment).clinician_id == (osei.id if chosen == "kept" else None)
