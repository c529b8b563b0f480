"""The inbox: what waits for a person, beside what is needed to answer it."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Audit, Message, OptOut
from reminder_site.queries import inbox
from tests.delivering import at_twilio
from tests.factories import a_clinic, a_patient, an_appointment, sign_in
from tests.texting import PHONE, coming, heard, last_text, text
from tests.web.test_patients import post


@pytest.fixture
def visit(clinic, now):
    appointment = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(appointment, now)
    return appointment


@pytest.fixture
def desk(client, clinic):
    sign_in(client, clinic)
    return client


def opened(page):
    return BeautifulSoup(page.text, "html.parser").find(id="opened").get_text(" ", strip=True)


def test_an_empty_inbox_says_so(desk):
    assert "Nothing waits" in desk.get("/inbox").text


def test_a_question_stands_beside_its_appointment_and_is_counted(desk, clinic, visit, now):
    text("can I come at 4?", now.add(minutes=5))
    page = desk.get("/inbox")
    for words in ("Carol Reed", "can I come at 4?", "Fri 20 Nov, 2:30 pm", "Move", "(212) 555-0142"):
        assert words in opened(page)
    assert "1<span" in BeautifulSoup(page.text, "html.parser").find(id="inbox-count").decode()
    text("or at 5?", now.add(minutes=6))
    assert inbox.waiting(clinic.id) == 2


def test_a_reply_settles_it(desk, clinic, visit, now):
    text("can I come at 4?", now.add(minutes=5))
    patient = visit.patient_id and inbox.listed(clinic_id=clinic.id)[0].patient_id
    answer = post(desk, "/inbox", f"/patients/{patient}/text", body="Yes, come at 4.")
    assert answer.location == "/inbox"
    assert inbox.waiting(clinic.id) == 0
    assert "Yes, come at 4." in db.session.scalars(select(Message.body).where(Message.kind == "staff")).one()


def test_one_button_takes_it_off(desk, clinic, visit, now):
    text("thanks, will bring my mother", now.add(minutes=5))
    assert post(desk, "/inbox", f"/inbox/{last_text().public_id}/handled").status_code == 303
    assert inbox.waiting(clinic.id) == 0


def test_who_takes_a_text_off_is_on_record_once(desk, visit, now):
    text("thanks, will bring my mother", now.add(minutes=5))
    handled = last_text().public_id
    for _ in range(2):
        post(desk, "/inbox", f"/inbox/{handled}/handled")
    recorded = select(Audit.actor, Audit.subject).where(Audit.what == "text.handled")
    assert db.session.execute(recorded).all() == [("staff:Alice", handled)]


def test_plain_answers_never_wait(desk, clinic, visit, now):
    for body in ("1", "3", "1", "STOP", "START", "HELP"):
        text(body, now.add(minutes=5))
    assert inbox.waiting(clinic.id) == 0


def test_after_a_bare_cancel_nobody_offers_to_text_back(desk, visit, now):
    text("CANCEL", now.add(minutes=5))
    told = opened(desk.get("/inbox"))
    assert "may want to cancel the appointment on Fri 20 Nov, 2:30 pm: phone them" in told
    assert "Phone instead" in told
    assert "Reply and mark" not in told


def test_an_unknown_number_is_read_too(desk, clinic, now):
    text("who is this?", now, phone="+12125550177")
    assert "Unknown number" in opened(desk.get("/inbox"))


def test_another_clinics_texts_are_not_here(desk, clinic, now):
    oak = a_clinic("Oak Clinic", sender="MG" + "7" * 32)
    an_appointment(oak, a_patient(oak, "Sentinel", phone_e164="+12125550166"))
    text("sentinel words", now, phone="+12125550166", service="MG" + "7" * 32)
    hidden = last_text().public_id
    text("mine", now, phone="+12125550177")
    assert "entinel" not in desk.get("/inbox").text
    assert "entinel" not in desk.get(f"/inbox?text={hidden}").text
    assert post(desk, "/inbox", f"/inbox/{hidden}/handled").status_code == 404


def stopped():
    db.session.rollback()
    return db.session.scalars(select(OptOut)).all()


def test_stop_texts_keeps_an_opt_out_takes_texts_back_and_says_so_once(desk, clinic, visit, now, worker, sandbox):
    text("leave me in peace with this", now.add(minutes=5))
    wish = last_text().public_id
    assert "Stop texts" in opened(desk.get("/inbox"))
    assert [post(desk, "/patients/new", f"/inbox/{wish}/stop").status_code for _ in range(2)] == [303, 303]
    worker.settle()
    assert [(one.e164, one.source) for one in stopped()] == [(PHONE, "desk")]
    assert coming(visit) == []
    assert inbox.waiting(clinic.id) == 0
    told = [text.body for text in at_twilio(sandbox, PHONE)]
    says_so = (
        "Elm Clinic: no more texts will come from us to this number. To get them again reply START. (212) 555-0100"
    )
    assert told == [says_so]
    recorded = db.session.scalars(select(Audit.what).where(Audit.subject == wish)).all()
    assert sorted(recorded) == ["text.handled", "text.stopped"]


def test_stop_texts_works_for_a_number_nobody_knows(desk, clinic, now):
    text("stop it, who are you?", now, phone="+12125550177")
    post(desk, "/inbox", f"/inbox/{last_text().public_id}/stop")
    assert [one.e164 for one in stopped()] == ["+12125550177"]


def test_another_clinics_number_is_not_stopped_from_here(desk, now):
    oak = a_clinic("Oak Clinic", sender="MG" + "7" * 32)
    an_appointment(oak, a_patient(oak, phone_e164="+12125550166"))
    text("hello?", now, phone="+12125550166", service="MG" + "7" * 32)
    hidden = last_text().public_id
    text("mine", now, phone="+12125550177")
    assert post(desk, "/inbox", f"/inbox/{hidden}/stop").status_code == 404
    assert stopped() == []
