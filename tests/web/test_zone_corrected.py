"""A clinic's zone is corrected later: what of its appointments stands is asked first, with the difference."""

from datetime import datetime

import pendulum
import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Appointment, Clinic, Message
from tests import factories
from tests.texting import link_to
from tests.web.desk import page
from tests.web.forms import forms_of

CHICAGO = {"time_zone": "America/Chicago"}
AT = pendulum.datetime(2026, 11, 20, 19, 30, tz="UTC")  # 2:30 pm in New York, 1:30 pm in Chicago


@pytest.fixture
def desk(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    return client


@pytest.fixture
def appointment(clinic):
    return factories.an_appointment(clinic, factories.a_patient(clinic), answer="confirmed")


def save(desk, html=None, **typed):
    form = next(f for f in forms_of(html or page(desk, "/settings/clinic"), "/") if f.action == "/settings/clinic")
    return desk.post(form.action, data={**form.data, **typed})


def asked(desk, **typed):
    answer = save(desk, **CHICAGO, **typed)
    assert answer.status_code == 409
    return answer.get_data(as_text=True)


def zone(clinic):
    db.session.rollback()
    return db.session.get(Clinic, clinic.id, populate_existing=True).time_zone


def stands(appointment):
    db.session.rollback()
    row = db.session.get(Appointment, appointment.id, populate_existing=True)
    return row.starts_local, row.time_zone, row.starts_at, row.answer


def test_nothing_is_saved_before_it_is_answered_and_the_difference_is_shown(desk, clinic, appointment):
    html = asked(desk, name="Elm Practice")
    assert "1 coming appointment was booked by New York time" in html and "Carol Reed" in html
    assert "Fri 20 Nov, 2:30 pm in Chicago" in html and "1 hour later than now" in html
    assert "Fri 20 Nov, 1:30 pm in Chicago" in html and 'value="Elm Practice"' in html
    assert zone(clinic) == "America/New_York"
    assert stands(appointment) == (datetime(2026, 11, 20, 14, 30), "America/New_York", AT, "confirmed")


def test_the_wall_times_stand_and_nobody_is_told(desk, clinic, appointment):
    assert save(desk, asked(desk), placing="wall_times").status_code == 303
    assert zone(clinic) == "America/Chicago"
    assert stands(appointment) == (datetime(2026, 11, 20, 14, 30), "America/Chicago", AT.add(hours=1), "confirmed")
    waiting = db.session.scalars(select(Message).where(Message.wanted)).all()
    assert waiting and not [m for m in waiting if "1:30" in m.body or m.kind != "reminder"]
    assert link_to(appointment, AT)


def test_the_moments_stand_and_the_patient_is_told_the_new_wall_time(desk, clinic, appointment, worker, clock):
    assert save(desk, asked(desk), placing="moments").status_code == 303
    assert stands(appointment) == (datetime(2026, 11, 20, 13, 30), "America/Chicago", AT, "none")
    clock.forward(minutes=clinic.undo_minutes + 1)
    worker.settle()
    bodies = [m.body for m in db.session.scalars(select(Message).where(Message.wanted))]
    assert bodies and all("2:30" not in body for body in bodies) and any("1:30" in body for body in bodies)


def test_an_answer_holds_only_for_the_zones_it_was_asked_about(desk, clinic, appointment):
    html = asked(desk)
    again = save(desk, html, time_zone="America/Denver", placing="wall_times")
    assert again.status_code == 409 and "in Denver" in again.get_data(as_text=True)
    assert zone(clinic) == "America/New_York"
    assert save(desk, html, time_zone="America/Chicago").status_code == 409


@pytest.mark.parametrize("made", [None, {"state": "cancelled"}, {"now": AT.subtract(days=90)}])
def test_nothing_is_asked_when_nothing_is_coming_in_the_old_zone(desk, clinic, made):
    if made is not None:
        starts = datetime(2026, 10, 20, 9) if "now" in made else datetime(2026, 11, 20, 14, 30)
        factories.an_appointment(clinic, factories.a_patient(clinic), starts, planned=False, **made)
    assert save(desk, **CHICAGO).status_code == 303 and zone(clinic) == "America/Chicago"
