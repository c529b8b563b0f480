"""The first run: one page, once, and then the site can be used."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from reminder_site.actions import set_up
from reminder_site.commands.demo import ELM
from reminder_site.db import db
from reminder_site.domain.wording import DEFAULT_TEMPLATES
from reminder_site.models import AppointmentType, Audit, Clinic, Clinician, ReminderRule, Staff, Template
from tests import factories
from tests.web.desk import errors, page, send

FORM = {
    "your_name": "Dana",
    "email": "Dana@Elm.example",
    "password": "violin lagoon stapler moss",
    "name": "Elm Clinic",
    "text_name": "Elm Clinic",
    "phone": "212.555.0100",
    "country": "US",
    "time_zone": "US/Eastern",
    "place": "12 High St",
    "mon-opens": "09:00",
    "mon-closes": "5:00 pm",
}


def count(table):
    return db.session.scalar(select(func.count()).select_from(table))


@pytest.mark.parametrize("url", ["/", "/settings", "/sign-in"])
def test_every_way_leads_to_set_up_while_nobody_has_an_account(client, url):
    assert client.get(url).location == "/set-up"


def test_set_up_makes_a_clinic_that_can_be_used_at_once(client):
    assert send(client, "/set-up", FORM).location == "/sign-in"
    clinic, dana = db.session.scalars(select(Clinic)).one(), db.session.scalars(select(Staff)).one()
    assert (dana.email, dana.role) == ("dana@elm.example", "administrator")
    assert db.session.scalar(select(Audit.subject).where(Audit.what == "site.set_up")) == dana.public_id
    assert (clinic.phone, clinic.time_zone) == ("(212) 555-0100", "America/New_York")
    assert clinic.hours["mon"] == ["09:00", "17:00"] and clinic.hours["tue"] is None
    assert [count(table) for table in (Clinician, AppointmentType, ReminderRule)] == [1, 1, 4]
    assert dict(db.session.execute(select(Template.kind, Template.body)).all()) == DEFAULT_TEMPLATES
    signed_in = send(client, "/sign-in", {"email": dana.email, "password": FORM["password"]})
    assert signed_in.location == "/" and "Elm Clinic" in page(client, "/")


def test_afterwards_the_page_does_not_exist(client, clinic):
    factories.a_staff(clinic)
    assert client.get("/set-up").status_code == 404


def test_two_who_set_up_at_the_same_moment_make_one_account(app, now):
    def attempt(number):
        with app.app_context():
            try:
                email = f"dana{number}@elm.example"
                set_up.set_up(email=email, name="Dana", password="x" * 20, clinic=ELM, now=now)
            except set_up.AlreadySetUp:
                return "late"
            finally:
                db.session.remove()
        return "first"

    with ThreadPoolExecutor(4) as crowd:
        assert sorted(crowd.map(attempt, range(4))) == ["first", "late", "late", "late"]
    assert (count(Staff), count(Clinic)) == (1, 1)


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("your_name", "", "Give your name."),
        ("email", "dana at elm", "Write an e-mail address"),
        ("password", "elm clinic dana!", "names that belong to you"),
        ("name", "", "Give the clinic's name."),
        ("name", "E" * 81, "at most 80 fit"),
        ("text_name", "Elm\u202eClinic", "reorders letters"),
        ("phone", "12", "too short"),
        ("phone", "", "Type a phone number."),
        ("country", "ZZ", "Choose one from the list."),
        ("time_zone", "Moon/Tranquility", "Choose the clinic's time zone."),
        ("mon-closes", "", "Give both times"),
        ("mon-closes", "08:59", "Closing lies before opening."),
        ("mon-closes", "25:61", "Write the time like 14:30"),
    ],
)
def test_what_cannot_be_is_refused_beside_the_field_and_kept(client, field, typed, said):
    answer = send(client, "/set-up", {**FORM, field: typed})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and count(Staff) == 0
    assert any(said in words for words in errors(html)), errors(html)
    assert 'value="12 High St"' in html and FORM["password"] not in html


def test_a_clinic_without_hours_is_refused(client):
    closed = {key: typed for key, typed in FORM.items() if not key.startswith("mon")}
    answer = send(client, "/set-up", closed)
    assert errors(answer.get_data(as_text=True)) == ["Give opening hours for at least one day of the week."]
