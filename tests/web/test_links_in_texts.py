"""The patient's link in texts: clinics take it in knowing the cost, and the desk reads which texts carry it."""

import re

import pytest
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.domain import segments
from reminder_site.domain.wording import DEFAULT_TEMPLATES, WITHOUT_LINK
from reminder_site.models import Message, Template
from tests import factories
from tests.delivering import at_twilio
from tests.patients_page import press
from tests.texting import link_to
from tests.web.desk import page, send

TEXTS = "/settings/texts"
BUTTON = "Put the link into these texts"


def worded(clinic, **bodies):
    """Give a clinic wording of its own for some kinds of text."""
    with transaction() as session:
        for kind, body in bodies.items():
            session.add(Template(clinic_id=clinic.id, kind=kind, body=body, updated_at=clinic.created_at))


def booked(clinic):
    return factories.an_appointment(clinic, factories.a_patient(clinic))


def texts_of(appointment):
    db.session.rollback()
    mine = Message.appointment_id == appointment.id, Message.wanted
    return db.session.scalars(select(Message.body).where(*mine).order_by(Message.send_at)).all()


@pytest.fixture
def manager(client, clinic):
    factories.sign_in(client, clinic, role="manager", name="Mara")
    return client


@pytest.fixture
def before(clinic):
    """Elm Clinic as it was before texts carried links."""
    worded(clinic, **WITHOUT_LINK)
    return clinic


def test_a_patient_gets_the_link_that_opens_the_page_in_two_segments(client, clinic, worker, clock, sandbox):
    booked(clinic)
    clock.forward(minutes=3)
    worker.settle()
    sent = next(text.body for text in at_twilio(sandbox) if "your appointment is" in text.body)
    link = re.search(r"or open http://localhost(/m/[A-Za-z0-9]{12}) or call", sent)
    assert segments.count(sent).segments == 2
    clock.forward(minutes=1)
    assert "you are coming" in press(client, link[1], "confirm").text


def test_a_clinic_whose_texts_carry_the_link_is_not_asked(manager, clinic):
    worded(clinic, **DEFAULT_TEMPLATES)
    assert BUTTON not in page(manager, TEXTS)


def test_a_live_clinic_sees_what_the_link_costs_and_takes_it_in_with_a_press(manager, before, worker, clock):
    appointment = booked(before)
    clock.forward(minutes=3)
    worker.settle()
    html = re.sub(r"\s+", " ", page(manager, TEXTS))
    cost = "1 segment now, 2 segments with the link. 1 sent in the last 30 days: 1 more segment a month."
    assert f"<strong>Confirmation</strong>: {cost}" in html
    assert "together about <strong>1 more segment</strong> a month" in html and "registered" in html
    assert not [body for body in texts_of(appointment) if "{{link}}" in body]
    assert send(manager, f"{TEXTS}/links", {}, opened=TEXTS).status_code == 303
    assert BUTTON not in page(manager, TEXTS)
    planned = texts_of(booked(before))
    assert planned and all("or open {{link}} or call (212) 555-0100." in body for body in planned)


def test_wording_of_its_own_stays_as_it_is_and_is_named(manager, before):
    own = "{{clinic}}: {{first_name}}, {{day}} {{time}}. Reply 1, 2 or 3. STOP ends texts"
    with transaction() as session:
        session.scalars(select(Template).where(Template.kind == "moved")).one().body = own
    assert "the wording is your own and stays as it is" in page(manager, TEXTS)
    send(manager, f"{TEXTS}/links", {}, opened=TEXTS)
    db.session.rollback()
    held = dict(db.session.execute(select(Template.kind, Template.body)).all())
    assert held == {**{kind: DEFAULT_TEMPLATES[kind] for kind in WITHOUT_LINK}, "moved": own}
    left = page(manager, TEXTS)
    assert "the wording is your own" in left and BUTTON not in left


def test_the_desk_reads_which_texts_of_an_appointment_carry_the_link(manager, clinic, worker, clock):
    url = f"/appointments/{booked(clinic).public_id}"
    clock.forward(minutes=3)
    worker.settle()
    shown = re.sub(r"<[^>]+>|\s+", " ", page(manager, url).partition("The patient’s page")[2])
    assert re.search(
        r"It stands in these texts: +Confirmation: (sending|sent|delivered), .* 3 days before: scheduled", shown
    )


def test_the_desk_reads_when_no_text_of_an_appointment_carries_the_link(manager, before, now):
    appointment = booked(before)
    link_to(appointment, now)
    shown = page(manager, f"/appointments/{appointment.public_id}").partition("The patient’s page")[2]
    assert "It stands in none of this appointment’s texts, so the patient does not have it" in shown
    assert f'href="{TEXTS}"' in shown


def test_a_text_is_shown_at_the_size_it_leaves_with(manager, clinic):
    appointment = booked(clinic)
    html = page(manager, f"/appointments/{appointment.public_id}")
    link = "http://localhost/m/" + "x" * 12
    size = segments.count(texts_of(appointment)[0].replace("{{link}}", link))
    assert f"{size.units} characters" in html and "UCS-2" not in html
    assert size.segments == 2 and html.count("2 segments") == len([b for b in texts_of(appointment) if "{{link}}" in b])
