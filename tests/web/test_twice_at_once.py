"""The same patient at the same minute, a clinician twice at once: asked before it is saved, each for itself."""

from datetime import datetime

import pytest
from sqlalchemy import select

from reminder_site.actions import appointments as actions
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import Overlaps
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Clinician
from tests import factories
from tests.web.desk import page
from tests.web.forms import forms_of

NEW = "/appointments/new"
FRIDAY = {"day": "2026-11-20", "time": "14:30"}


@pytest.fixture
def desk(client, clinic):
    factories.sign_in(client, clinic)
    return client


@pytest.fixture
def osei(clinic):
    with transaction() as session:
        session.add(osei := Clinician(clinic_id=clinic.id, name="Dr Osei"))
    return osei


@pytest.fixture
def tess(clinic, osei):
    patient = factories.a_patient(clinic, "Tess", "Whitmore")
    factories.an_appointment(clinic, patient, clinician_id=osei.id)
    return patient


def plain(html, action):
    forms = [f for f in forms_of(html, "/") if f.action == action]
    return next(f.data for f in forms if not {"preview", "find"} & set(f.data))


def book(desk, html=None, **typed):
    return desk.post(NEW, data={**plain(html or page(desk, NEW), NEW), **FRIDAY, **typed})


def asked(answer, *words):
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and all(each in html for each in (*words, "nothing is saved before")), words
    return html


def times():
    db.session.rollback()
    return sorted(row.strftime("%H:%M") for row in db.session.scalars(select(Appointment.starts_local)))


def test_the_same_patient_at_once_is_asked_about_and_two_can_be_meant(desk, tess, osei):
    html = asked(book(desk, patient_id=tess.public_id, clinician=""), "Tess Whitmore has 2:30 pm with Dr Osei.")
    assert times() == ["14:30"] and "Move that one here" in html and "Two are meant" in html
    assert book(desk, html, patient_twice="two", clinician="").status_code == 303 and times() == ["14:30", "14:30"]


def test_that_one_is_moved_here_instead_after_the_patients_text_was_chosen(desk, tess, osei):
    first = db.session.scalar(select(Appointment.public_id))
    html = asked(book(desk, patient_id=tess.public_id, time="14:45"), "Two are meant")
    shown = book(desk, html, patient_twice=first, time="14:45").get_data(as_text=True)
    assert "Tell the patient?" in shown and 'value="14:45"' in shown and times() == ["14:30"]
    move = f"/appointments/{first}/move"
    assert desk.post(move, data=plain(shown, move)).status_code == 303 and times() == ["14:45"]


def with_osei(clinic, osei, *clock):
    at = datetime(2026, 11, 20, *clock)
    return factories.an_appointment(clinic, factories.a_patient(clinic), at, clinician_id=osei.id)


def test_a_clinician_twice_at_once_is_asked_about_with_the_next_free_times(desk, clinic, tess, osei):
    with_osei(clinic, osei, 15, 30)
    ann = {"patient_id": factories.a_patient(clinic, "Ann", "Vale").public_id, "clinician": osei.public_id}
    html = asked(book(desk, **ann), "Dr Osei has Tess Whitmore 2:30 pm–3:00 pm.", "3:00 pm instead", "4:00 pm instead")
    with_osei(clinic, osei, 15)  # somebody else was quicker
    html = asked(book(desk, html), "Beside it", "4:00 pm instead")
    assert times() == ["14:30", "15:00", "15:30"]
    assert book(desk, html, clinician_twice="16:00").status_code == 303
    assert times() == ["14:30", "15:00", "15:30", "16:00"]


def test_beside_it_is_an_answer(desk, clinic, tess, osei):
    other = factories.a_patient(clinic, "Ann", "Vale")
    html = asked(book(desk, patient_id=other.public_id, clinician=osei.public_id), "Beside it")
    assert book(desk, html, clinician_twice="beside").status_code == 303 and times() == ["14:30", "14:30"]


def test_an_answer_holds_only_for_what_was_asked(desk, clinic, tess, osei):
    html = asked(book(desk, patient_id=tess.public_id, clinician=""), "Two are meant")
    asked(book(desk, html, patient_twice="two", clinician="", time="14:40"), "Two are meant")
    factories.an_appointment(clinic, tess, datetime(2026, 11, 20, 14, 45))
    asked(book(desk, html, patient_twice="two", clinician=""), "Two are meant")
    assert times() == ["14:30", "14:45"]


def test_a_move_into_another_one_is_asked_about(desk, clinic, tess, osei):
    mine = with_osei(clinic, osei, 9)
    address = f"/appointments/{mine.public_id}/move"
    sent = {**plain(page(desk, address), address), "tell": "knows", "time": "14:30"}
    html = asked(desk.post(address, data=sent), "Dr Osei has Tess Whitmore", "Beside it")
    assert times() == ["09:00", "14:30"]
    again = {**plain(html, address), "clinician_twice": "beside"}
    assert desk.post(address, data=again).status_code == 303 and times() == ["14:30", "14:30"]


@pytest.mark.parametrize("free", [{"time": "15:00"}, {"time": "14:00"}, {"clinician": ""}, {"day": "2026-11-23"}])
def test_nothing_is_asked_where_nothing_overlaps(desk, clinic, tess, osei, free):
    other = factories.a_patient(clinic, "Ann", "Vale")
    assert book(desk, patient_id=other.public_id, **{"clinician": osei.public_id, **free}).status_code == 303


def test_nobody_in_particular_has_no_time_of_their_own(desk, clinic, tess):
    with transaction() as session:
        session.add(anybody := Clinician(clinic_id=clinic.id, name="Any clinician"))
    factories.an_appointment(clinic, tess, datetime(2026, 11, 20, 9), clinician_id=anybody.id)
    other = factories.a_patient(clinic, "Ann", "Vale")
    assert book(desk, patient_id=other.public_id, time="09:00", clinician=anybody.public_id).status_code == 303


def test_what_was_booked_between_the_question_and_the_save_is_refused(app, clinic, tess, osei, now):
    time = moment(datetime(2026, 11, 20, 14, 30), clinic.time_zone)
    by, patient = Actor("staff", "Alice", factories.a_staff(clinic).id), factories.a_patient(clinic).public_id
    about = {"clinic_id": clinic.id, "patient": patient, "time": time, "by": by, "now": now}
    with pytest.raises(Overlaps):
        actions.book(**about, clinician_id=osei.public_id, beside=())
    assert times() == ["14:30"]
    actions.book(**about, clinician_id=osei.public_id, beside=(db.session.scalar(select(Appointment.public_id)),))
    assert times() == ["14:30", "14:30"]
