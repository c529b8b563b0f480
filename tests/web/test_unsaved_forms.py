"""However a session ends, what was typed comes back to whoever typed it, and nothing of it is saved by looking."""

import inspect

import pytest
from sqlalchemy import select
from wtforms import PasswordField

from reminder_site.actions import accounts, kept_forms, staff
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import KeptForm, Patient, StaffClinic, StaffSession
from reminder_site.web import forms as form_modules
from reminder_site.web import unsaved
from tests import conftest, factories
from tests.web.desk import page, send, token
from tests.web.forms import forms_of

TYPED = {"first_name": "Zoë", "last_name": "Novak", "phone": "", "consent": "no"}


def patients():
    db.session.rollback()
    return db.session.scalars(select(Patient.last_name)).all()


def kept():
    db.session.rollback()
    return db.session.scalars(select(KeptForm)).all()


def ended_elsewhere(client, person, now):
    with transaction() as session:
        accounts.end_sessions(session, person.id, now)


def expired(client, person, now):
    with transaction() as session:
        for row in session.scalars(select(StaffSession)):
            row.expires_at = now


def cookie_gone(client, person, now):
    client.delete_cookie("session")


def signed_out_in_another_tab(client, person, now):
    send(client, "/sign-out", {}, opened="/account")


def role_changed(client, person, now):
    clinic = db.session.scalar(select(factories.Clinic.public_id))
    change = {"staff": person.public_id, "name": "Alice", "role": "manager", "clinics": [clinic], "version": 1}
    staff.change_staff(**change, by=OPERATOR, now=now)


ENDINGS = [ended_elsewhere, expired, cookie_gone, signed_out_in_another_tab, role_changed]


def signed_in_again(client, person):
    form = {"csrf_token": token(page(client, "/sign-in")), "email": person.email, "password": factories.PASSWORD}
    return client.post("/sign-in", data=form)


@pytest.mark.parametrize("end", ENDINGS)
def test_what_was_typed_comes_back_after_signing_in(client, clinic, now, end):
    person = factories.sign_in(client, clinic)
    form = next(f for f in forms_of(page(client, "/patients/new"), "/") if f.action == "/patients/new")
    end(client, person, now)
    refused = client.post("/patients/new", data={**form.data, **TYPED})
    assert (refused.status_code, refused.location) == (303, "/sign-in")
    assert "What you typed is kept" in page(client, "/sign-in")
    back = signed_in_again(client, person)
    assert back.location.startswith("/forms/kept/") and "Zo" not in back.location
    shown = page(client, back.location)
    assert 'value="Zoë"' in shown and 'value="Novak"' in shown and "Nothing of it is saved yet" in shown
    assert patients() == []
    again = next(f for f in forms_of(shown, "/") if f.action == "/patients/new")
    assert client.post(again.action, data=again.data).status_code == 303
    assert patients() == ["Novak"]


def test_it_is_offered_once_and_kept_for_an_hour(app, client, clinic, clock):
    person = factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), **TYPED}
    cookie_gone(client, person, clock.now())
    client.post("/patients/new", data=form)
    assert signed_in_again(client, person).location.startswith("/forms/kept/")
    address = f"/forms/kept/{kept()[0].public_id}"
    send(client, "/sign-out", {}, opened="/account")
    assert signed_in_again(client, person).location == "/"
    page(client, address)
    clock.machine = clock.machine.add(minutes=61)
    page(client, address, 404)
    kept_forms.forget(now=clock.machine)
    assert kept() == []


def test_nobody_else_sees_it(app, client, clinic, now):
    alice = factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), **TYPED}
    send(client, "/sign-out", {}, opened="/account")
    factories.sign_in(client, clinic, role="administrator", name="Bob")
    refused = client.post("/patients/new", data=form)
    assert refused.status_code == 403 and "Zoë" not in refused.get_data(as_text=True)
    page(client, f"/forms/kept/{kept()[0].public_id}", 404)
    assert [row.staff_id for row in kept()] == [alice.id] and patients() == []


def test_one_who_signed_in_anew_in_another_tab_sees_it_at_once(client, clinic, now):
    person = factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), **TYPED}
    send(client, "/sign-out", {}, opened="/account")
    signed_in_again(client, person)
    assert 'value="Zoë"' in client.post("/patients/new", data=form, follow_redirects=True).get_data(as_text=True)
    assert patients() == []


def test_a_restarted_site_still_knows_whose_form_it_is(app, client, clinic, now):
    person = factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), **TYPED}
    other = conftest.create_app(app.extensions["settings"])
    other.extensions["clock"], other.testing = app.extensions["clock"], True
    fresh = other.test_client()
    assert fresh.post("/patients/new", data=form).location == "/sign-in"
    assert [row.staff_id for row in kept()] == [person.id]
    with other.app_context():
        db.session.remove()
        db.engine.dispose()
    other.extensions["sms"].close()
    other.extensions["alarms"].close()


def test_a_forged_form_is_not_kept(client, clinic):
    factories.a_staff(clinic)
    for forged in ("", "forged", token(page(client, "/sign-in"))):
        assert client.post("/patients/new", data={"csrf_token": forged, **TYPED}).status_code in {302, 400}
    assert kept() == []


def test_a_button_says_what_it_does_and_acts_only_when_pressed_again(client, clinic, now):
    person = factories.sign_in(client, clinic)
    patient = factories.a_patient(clinic)
    address = f"/patients/{patient.public_id}"
    form = {"csrf_token": token(page(client, address)), "on": "0"}
    ended_elsewhere(client, person, now)
    client.post(f"{address}/reminders", data=form)
    shown = page(client, signed_in_again(client, person).location)
    assert "This has not been done yet" in shown and "Switch the patient&#39;s reminders on or off." in shown
    db.session.rollback()
    assert db.session.get(Patient, patient.id, populate_existing=True).reminders_on
    again = next(f for f in forms_of(shown, "/") if f.action.endswith("/reminders"))
    assert client.post(again.action, data=again.data).status_code == 303
    db.session.rollback()
    assert not db.session.get(Patient, patient.id, populate_existing=True).reminders_on


def test_a_form_that_the_new_role_does_not_open_is_shown_as_words(client, clinic, now):
    person = factories.sign_in(client, clinic, role="manager")
    form = {"csrf_token": token(page(client, "/settings/people")), "clinician-name": "Dr Osei"}
    role = {"staff": person.public_id, "name": "Alice", "role": "reception", "clinics": [clinic.public_id]}
    staff.change_staff(**role, version=1, by=OPERATOR, now=now)
    client.post("/settings/clinicians", data=form)
    shown = page(client, signed_in_again(client, person).location)
    assert "can no longer be used" in shown and "Dr Osei" in shown


def test_the_clinic_of_the_form_is_open_after_signing_in(client, clinic, now):
    person = factories.sign_in(client, clinic)
    ash = factories.a_clinic("Ash Clinic")  # the first by name, which signing in opens
    with transaction() as session:
        session.add(StaffClinic(staff_id=person.id, clinic_id=ash.id))
    form = {"csrf_token": token(page(client, "/patients/new")), **TYPED}
    ended_elsewhere(client, person, now)
    client.post("/patients/new", data=form)
    assert "Elm Clinic" in page(client, signed_in_again(client, person).location).partition("<main")[0]


def test_no_password_is_ever_kept(client, clinic, now):
    person = factories.sign_in(client, clinic, role="administrator")
    form = {"csrf_token": token(page(client, "/settings/staff/new")), "name": "Olga", "password": "hush hush hush hush"}
    ended_elsewhere(client, person, now)
    client.post("/settings/staff/new", data=form)
    assert kept()[0].fields == [["name", "Olga"]]


def test_every_password_field_is_known_by_its_name():
    modules = [module for _, module in inspect.getmembers(form_modules, inspect.ismodule)]
    classes = {each for module in modules for _, each in inspect.getmembers(module, inspect.isclass)}
    names = {
        name
        for each in classes
        for name, field in inspect.getmembers(each)
        if getattr(field, "field_class", None) is PasswordField
    }
    assert len(names) >= 4 and all(unsaved.SECRET_FIELD.search(name) for name in names), names


def test_only_five_are_kept_for_one_person(client, clinic, now):
    person, by = factories.a_staff(clinic), {"clinic": clinic.public_id, "path": "/patients/new", "now": now}
    for number in range(7):
        kept_forms.keep(staff=person.public_id, fields=[("first_name", str(number))], **by)
    assert sorted(row.fields[0][1] for row in kept()) == ["2", "3", "4", "5", "6"]
