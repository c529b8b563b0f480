"""A day closed over bookings: they are shown first, the day list says closed, and each can be moved from there."""

from datetime import date, datetime

import pytest
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, ClosedDay
from tests import factories
from tests.web.desk import page, send
from tests.web.forms import forms_of

FRIDAY = date(2026, 11, 20)
CLOSING = {"closed_on": "2026-11-20", "closed_name": "Staff training"}


@pytest.fixture
def desk(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    return client


def close(desk):
    return send(desk, "/settings/closed-days", CLOSING, opened="/settings/texting")


def closed():
    db.session.rollback()
    return db.session.scalars(select(ClosedDay.closed_on)).all()


def close_unasked(clinic, on=FRIDAY):
    with transaction() as session:
        session.add(ClosedDay(clinic_id=clinic.id, closed_on=on, name="Staff training"))


def test_bookings_are_listed_before_the_day_is_closed(desk, clinic):
    appointment = factories.an_appointment(clinic, factories.a_patient(clinic))
    asked = close(desk)
    html = asked.get_data(as_text=True)
    assert asked.status_code == 409 and closed() == []
    assert "1 appointment is booked on Friday 20 November 2026" in html and "Carol Reed" in html
    assert f"/appointments/{appointment.public_id}/move" in html and "until each is moved or cancelled" in html
    form = next(f for f in forms_of(html, "/") if "asked" in f.data)
    assert form.data["closed_name"] == "Staff training"
    assert desk.post(form.action, data=form.data).status_code == 303
    assert closed() == [FRIDAY] and db.session.get(Appointment, appointment.id).state == "booked"


def test_one_booked_meanwhile_is_asked_about_too(desk, clinic):
    factories.an_appointment(clinic, factories.a_patient(clinic))
    form = next(f for f in forms_of(close(desk).get_data(as_text=True), "/") if "asked" in f.data)
    factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 20, 9))
    assert desk.post(form.action, data=form.data).status_code == 409 and closed() == []


def test_a_day_without_bookings_is_closed_at_once(desk, clinic):
    factories.an_appointment(clinic, factories.a_patient(clinic), state="cancelled", planned=False)
    factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 21, 0, 0))
    factories.an_appointment(factories.a_clinic("Oak Clinic"), factories.a_patient(clinic), planned=False)
    assert close(desk).status_code == 303 and closed() == [FRIDAY]


@pytest.mark.parametrize(
    ("on", "booked", "words"),
    [
        ("2026-11-20", 0, "Closed: Staff training. Nothing is booked."),
        ("2026-11-20", 1, "Closed: Staff training. 1 appointment is still booked."),
        ("2026-11-20", 3, "Closed: Staff training. 3 appointments are still booked."),
        ("2026-11-22", 1, "Closed on Sundays. 1 appointment is still booked."),
        ("2026-12-25", 0, "Closed: Christmas Day. Nothing is booked."),
    ],
)
def test_the_day_list_says_that_the_day_is_closed_and_how_many_are_booked(desk, clinic, on, booked, words):
    close_unasked(clinic)
    for number in range(booked):
        starts = datetime.combine(date.fromisoformat(on), datetime.min.time()).replace(hour=9 + number)
        factories.an_appointment(clinic, factories.a_patient(clinic), starts)
    if booked:
        factories.an_appointment(clinic, factories.a_patient(clinic), state="cancelled", planned=False)
    assert words in page(desk, f"/day/{on}")
    assert (words in page(desk, f"/week/{on}")) == bool(booked)


def test_an_open_day_says_nothing_of_it(desk, clinic):
    factories.an_appointment(clinic, factories.a_patient(clinic))
    assert "Closed" not in page(desk, "/day/2026-11-20") + page(desk, "/week/2026-11-20")
