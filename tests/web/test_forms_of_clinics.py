"""A form is taken at the clinic it was opened for, or refused: two tabs, two clinics, every form of the site."""

import pytest
from sqlalchemy import select

from reminder_site.db import Base, db, transaction
from reminder_site.models import Appointment, Clinic, StaffClinic
from reminder_site.web import access
from tests import factories
from tests.web.desk import page, send, token
from tests.web.forms import forms_of
from tests.web.routes import PLAUSIBLE, a_full_clinic, every

SCOPED = access.STAFF - access.OF_NO_CLINIC
SAMPLES = {"health.styleguide", "health.styleguide_patient"}  # their forms go nowhere
SENT_BY_SCRIPT = {"booking.find", "booking.preview", "moving.preview", "patients.preview_text", "wording.preview"}
# Buttons that stand on no page of a quiet clinic; the sweep over the routes has them.
DRAWN_LATER = {
    "appointments.outcome",
    "appointments.undo",
    "inbox.claim",
    "parked.leave",
    "parked.send",
    "parked.told",
    "patients.trust_number",
    "staff.switch_on",
    "staff.take_factor",
    "wording.take_in_links",
}
TYPED = {**PLAUSIBLE, "name": "x", "body": "x", "first_name": "Zed", "phone": "", "day": "2026-11-23", "time": "10:00"}


@pytest.fixture
def two(app, client):
    """Somebody who works for Elm and Oak, each with one of everything; Elm is open. Returns what fills addresses."""
    elm, of_elm = a_full_clinic()
    oak, of_oak = a_full_clinic("Oak Clinic", "Olga")
    person = factories.sign_in(client, elm, role="administrator", name="Alice")
    with transaction() as session:
        session.add(StaffClinic(staff_id=person.id, clinic_id=oak.id))
    return {"elm": (elm, of_elm), "oak": (oak, of_oak)}


def rows():
    db.session.rollback()
    tables = {name: table for name, table in Base.metadata.tables.items() if name != "kept_form"}
    return {
        name: db.session.execute(select(table).order_by(*table.primary_key)).all() for name, table in tables.items()
    }


def opened(client, clinic):
    assert send(client, "/clinics/current", {"clinic_id": clinic.public_id}, opened="/account").status_code == 303


def the_forms(app, client, filled):
    """Every form on every page of the clinic that is open, by what its address stands for."""
    found, routes = [], app.url_map.bind("localhost")
    for endpoint, _, url in every(app, filled):
        if endpoint in access.STAFF - SAMPLES and (answer := client.get(url)).mimetype == "text/html":
            found += forms_of(answer.get_data(as_text=True), url)
    named = [(routes.match(form.action.partition("?")[0], method="POST")[0], form) for form in found]
    return [(endpoint, form) for endpoint, form in named if endpoint in SCOPED]


def test_no_form_of_any_page_is_saved_in_another_clinic_than_its_own(app, client, two):
    forms = the_forms(app, client, two["elm"][1])
    opened(client, two["oak"][0])
    before = rows()
    for endpoint, form in forms:
        answer = client.post(form.action, data=form.data)
        assert answer.status_code == 409, (endpoint, form.action)
        assert "Elm Clinic" in answer.get_data(as_text=True), endpoint
    assert rows() == before
    posting = {endpoint for endpoint, _, _ in every(app, two["elm"][1], methods={"POST"})} & SCOPED
    assert posting - {endpoint for endpoint, _ in forms} == SENT_BY_SCRIPT | DRAWN_LATER


def test_no_route_takes_a_form_of_another_clinic_whichever_things_it_names(app, client, two):
    of_elm = token(page(client, "/account"))
    opened(client, two["oak"][0])
    before = rows()
    for filled in (two["elm"][1], two["oak"][1]):
        posts = [(endpoint, url) for endpoint, _, url in every(app, filled, methods={"POST"}) if endpoint in SCOPED]
        for endpoint, url in posts:
            assert client.post(url, data={**TYPED, "csrf_token": of_elm}).status_code == 409, endpoint
    assert rows() == before


def test_a_form_of_the_open_clinic_is_never_taken_for_anothers(app, client, two):
    for endpoint, form in the_forms(app, client, two["elm"][1]):
        fresh = {**form.data, "csrf_token": token(page(client, "/account"))}
        assert b"belongs to another clinic" not in client.post(form.action, data=fresh).data, endpoint


def test_the_form_comes_back_as_typed_once_its_clinic_is_open_again(app, client, two):
    elm, oak = two["elm"][0], two["oak"][0]
    form = {"csrf_token": token(page(client, "/patients/new")), "first_name": "Zoë", "last_name": "Novak"}
    opened(client, oak)
    refused = client.post("/patients/new", data=form).get_data(as_text=True)
    back = next(f for f in forms_of(refused, "/") if "kept" in f.data and f.data["clinic_id"] == elm.public_id)
    shown = client.post(back.action, data=back.data, follow_redirects=True).get_data(as_text=True)
    assert 'value="Zoë"' in shown and 'value="Novak"' in shown and "Nothing of it is saved yet" in shown
    again = next(f for f in forms_of(shown, "/") if f.action == "/patients/new")
    assert client.post(again.action, data={**again.data, "consent": "no"}).status_code in {303, 422}
    assert db.session.get(Clinic, elm.id).public_id in shown


def test_switching_and_signing_out_work_from_a_page_of_either_clinic(app, client, two):
    of_elm = token(page(client, "/account"))
    opened(client, two["oak"][0])
    back = {"csrf_token": of_elm, "clinic_id": two["elm"][0].public_id}
    assert client.post("/clinics/current", data=back).status_code == 303
    assert "Elm Clinic" in page(client, "/account").partition("<main")[0]
    assert client.post("/sign-out", data={"csrf_token": of_elm}).status_code == 303
    assert client.get("/account").status_code == 302


def test_a_page_that_renews_itself_is_refused_once_another_clinic_is_open(app, client, two):
    of_elm = {"X-Quiet-Refresh": two["elm"][0].public_id}
    renewing = [url for endpoint, _, url in every(app, two["elm"][1]) if endpoint in SCOPED]
    answers = {url: client.get(url, headers=of_elm).status_code for url in renewing}
    assert 409 not in answers.values() and {answers["/"], answers["/pulse"]} == {200}
    opened(client, two["oak"][0])
    for url in renewing:
        assert client.get(url, headers=of_elm).status_code == 409, url
    assert client.get("/", headers={"X-Quiet-Refresh": "1"}).status_code == 409


def test_a_booking_stays_at_its_clinic_although_its_patient_could_be_anybody(app, client, two):
    form = next(f for f in forms_of(page(client, "/appointments/new"), "/") if f.action == "/appointments/new")
    opened(client, two["oak"][0])
    typed = {**form.data, **TYPED, "first_name": "Zed", "consent": "no"}
    counted = len(db.session.scalars(select(Appointment.id)).all())
    assert client.post("/appointments/new", data={**typed, "csrf_token": form.data["csrf_token"]}).status_code == 409
    db.session.rollback()
    assert len(db.session.scalars(select(Appointment.id)).all()) == counted
