"""The same form sent again: the same content shows the first outcome, other content is asked about, never dropped."""

import pytest
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, FormNonce, Message, Patient
from tests import factories
from tests.web.desk import page
from tests.web.forms import forms_of


@pytest.fixture
def desk(client, clinic):
    factories.sign_in(client, clinic)
    return client


def count(table):
    db.session.rollback()
    return len(db.session.scalars(select(table.id)).all())


def the_form(html, action):
    return next(f for f in forms_of(html, "/") if f.action == action and not {"preview", "find"} & set(f.data))


def of_patient(desk, clinic):
    form = the_form(page(desk, "/patients/new"), "/patients/new")
    return Patient, form, {"first_name": "Ann", "consent": "no"}, {"first_name": "Zoë"}, "Ann"


def of_booking(desk, clinic):
    form = the_form(page(desk, "/appointments/new"), "/appointments/new")
    typed = {"first_name": "Ann", "consent": "no", "day": "2026-11-20", "time": "14:30"}
    return Appointment, form, typed, {"time": "15:30"}, "Ann, Fri 20 Nov, 2:30 pm,"


def of_text(desk, clinic):
    address = f"/patients/{factories.a_patient(clinic).public_id}"
    form = the_form(page(desk, address), f"{address}/text")
    return Message, form, {"body": "Please phone us"}, {"body": "Please bring your papers"}, "a text to Carol Reed"


KINDS = [of_patient, of_booking, of_text]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_content_shows_the_first_outcome(desk, clinic, kind):
    table, form, typed, _, _ = kind(desk, clinic)
    outcomes = [desk.post(form.action, data={**form.data, **typed}) for _ in range(3)]
    assert {answer.status_code for answer in outcomes} == {303}
    assert len({answer.location for answer in outcomes}) == 1 and count(table) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_other_content_is_asked_about_with_all_that_was_typed_and_saved_once_sent_again(desk, clinic, kind):
    table, form, typed, other, named = kind(desk, clinic)
    desk.post(form.action, data={**form.data, **typed})
    asked = desk.post(form.action, data={**form.data, **typed, **other})
    html = asked.get_data(as_text=True)
    assert asked.status_code == 409 and count(table) == 1
    assert "Save this as another one?" in html and named in html
    again = the_form(html, form.action)
    assert {name: again.data[name] for name in other} == other
    assert desk.post(again.action, data={**typed, **again.data, **other}).status_code == 303
    assert count(table) == 2


def test_a_form_taken_before_its_content_was_kept_is_taken_as_the_same(desk, clinic):
    table, form, typed, _, _ = of_patient(desk, clinic)
    desk.post(form.action, data={**form.data, **typed})
    with transaction() as session:
        session.scalars(select(FormNonce)).one().content_hash = ""
    assert desk.post(form.action, data={**form.data, **typed}).status_code == 303
    assert count(table) == 1


def test_nothing_that_was_typed_can_be_read_from_what_is_kept_of_a_form(desk, clinic):
    _, form, typed, _, _ = of_patient(desk, clinic)
    desk.post(form.action, data={**form.data, **typed})
    kept = db.session.scalars(select(FormNonce)).one()
    assert len(kept.content_hash) == 64 and "Ann" not in kept.content_hash
