"""What needs a person is shown: texts nobody could clear up, to be decided on, and appointments without their texts."""

import html
from datetime import datetime

import pytest
from sqlalchemy import select, update

from reminder_site.actions import appointments, locks
from reminder_site.actions.appointments import Tell
from reminder_site.actions.plans import replan
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Audit, Clinic, Message, OptOut, Patient, Reminder
from reminder_site.queries import health
from reminder_site.queries.parked import count as parked_count
from reminder_site.queries.plans import sender_of
from tests import factories
from tests.delivering import a_text, at_twilio, trouble


@pytest.fixture
def parked(app, clinic):
    """The confirmation of an appointment, parked."""
    factories.an_appointment(clinic, factories.a_patient(clinic))
    first = select(Message.id).order_by(Message.send_at).limit(1).scalar_subquery()
    with transaction() as session:
        columns = {"state": "needs_review", "next_action_at": None, "state_why": "could not be cleared up"}
        session.execute(update(Message).where(Message.id == first).values(**columns))
    return db.session.scalar(select(Message.public_id).where(Message.state == "needs_review"))


def post(client, address):
    page = client.get("/parked").get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    return client.post(address, data={"csrf_token": token}, follow_redirects=True).get_data(as_text=True)


def state_of(public_id):
    db.session.rollback()
    return db.session.scalar(select(Message.state).where(Message.public_id == public_id))


def test_every_page_says_that_it_waits(client, clinic, parked):
    factories.sign_in(client, clinic)
    page = client.get("/patients").get_data(as_text=True)
    assert "1 text needs a person" in page
    assert 'href="/parked"' in page


@pytest.mark.parametrize("columns", [{}, {"state": "expired", "waits_for": "missed"}], ids=["parked", "missed"])
def test_it_is_shown_as_the_patient_would_read_it(client, clinic, parked, columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.public_id == parked).values(public_id=parked, **columns))
    factories.sign_in(client, clinic)
    page = client.get("/parked").text
    assert "/m/…" in page and "{{link}}" not in page


def test_every_page_says_what_the_daily_limit_holds_back(client, clinic, worker, clock):
    factories.sign_in(client, clinic)
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=1))
    for _ in range(3):
        a_text(clinic, clock.now(), useful_minutes=2000)
    worker.settle()
    assert "2 texts wait: the clinic&#39;s limit of texts a day is reached" in client.get("/patients").text


def test_it_leaves_when_somebody_says_so_and_that_is_on_record(client, clinic, parked, worker, clock):
    factories.sign_in(client, clinic)
    assert "The text leaves now." in post(client, f"/parked/{parked}/send")
    clock.forward(minutes=3)
    worker.settle()
    assert state_of(parked) == "accepted"
    actors = db.session.scalars(select(Audit.actor).where(Audit.subject == parked, Audit.what == "message.pending"))
    assert actors.all() == ["staff:Alice"]


def test_it_is_left_when_somebody_says_so(client, clinic, parked):
    factories.sign_in(client, clinic)
    assert "left unsent" in post(client, f"/parked/{parked}/leave")
    assert state_of(parked) == "cancelled"


def test_one_that_is_of_no_use_any_more_does_not_leave(client, clinic, parked, clock):
    factories.sign_in(client, clinic)
    with transaction() as session:
        session.execute(update(Message).values(useful_until=clock.now()))
    assert "can no longer be sent" in post(client, f"/parked/{parked}/send")
    assert state_of(parked) == "needs_review"


def test_another_clinics_text_is_not_here(client, clinic, parked):
    other = factories.a_clinic("Oak Clinic")
    factories.sign_in(client, other, name="Bob")
    page = client.get("/patients").get_data(as_text=True)
    assert "needs a person" not in page
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    assert client.post(f"/parked/{parked}/send", data={"csrf_token": token}).status_code == 404


@pytest.fixture
def visit(parked):
    """The appointment that the parked text is about."""
    db.session.rollback()
    return db.session.scalar(select(Appointment))


def change(row, **columns):
    with transaction() as session:
        session.execute(update(type(row)).where(type(row).id == row.id).values(**columns))


def cancelled(clinic, visit, now):
    appointments.cancel(clinic_id=clinic.id, appointment_id=visit.public_id, reason="ill", tell=Tell(False),
                        version=visit.version, by=OPERATOR, now=now)  # fmt: skip
    return "The appointment was cancelled, so this text is not sent."


def moved(clinic, visit, now):
    time = moment(datetime(2026, 11, 25, 9, 0), "America/New_York", choice="first")
    appointments.move(clinic_id=clinic.id, appointment_id=visit.public_id, time=time, tell=Tell(False),
                      version=visit.version, by=OPERATOR, now=now)  # fmt: skip
    return "The appointment was moved, so this text is not sent."


def another_number(clinic, visit, now):
    change(db.session.get_one(Patient, visit.patient_id), phone_e164="+12125550199")
    return "The patient has another number now, so this text is not sent."


def dead_number(clinic, visit, now):
    change(db.session.get_one(Patient, visit.patient_id), phone_flag="unreachable")
    return "This number cannot be texted."


def reminders_off(clinic, visit, now):
    change(db.session.get_one(Patient, visit.patient_id), reminders_on=False)
    return "Reminders are off for this patient, so this text is not sent."


def opted_out(clinic, visit, now):
    number = db.session.get_one(Patient, visit.patient_id).phone_e164
    with transaction() as session:
        session.add(OptOut(e164=number, sender=sender_of(clinic), source="text", started_at=now))
    return "This number has opted out of texts."


def texting_off(clinic, visit, now):
    change(clinic, texting_on=False)
    return "Texting is switched off for this clinic."


def dropped(clinic, visit, now):
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        session.execute(update(Reminder).values(wanted=False))
    return "The plan changed, so this text is not sent."


def taken_back(clinic, visit, now):
    with transaction() as session:
        session.execute(update(Message).values(wanted=False, unwanted_why="by hand"))
    return "This text was taken back: by hand."


def at_twilio_already(clinic, visit, now):
    with transaction() as session:
        session.execute(update(Message).where(Message.state == "needs_review").values(sid="SM" + "a" * 32))
    return "Twilio has this text already"


WHY_NOT = (cancelled, moved, another_number, dead_number, reminders_off, opted_out, texting_off, dropped, taken_back)


@pytest.mark.parametrize("change_of", [*WHY_NOT, at_twilio_already])
def test_a_press_is_refused_in_words_when_the_text_is_not_true_or_allowed_any_more(
    client, clinic, parked, visit, now, change_of
):
    if change_of in {cancelled, moved}:
        with transaction() as session:
            ever = {"ever_unknown": True, "attempt_no": 1}  # one that is cleared up first, and stays here meanwhile
            session.execute(update(Message).where(Message.public_id == parked).values(**ever))
    factories.sign_in(client, clinic)
    words = change_of(clinic, visit, now)
    assert html.escape(words) in post(client, f"/parked/{parked}/send")
    assert state_of(parked) == "needs_review"


@pytest.mark.parametrize("of_a_plan", [True, False])
def test_one_that_twilio_has_is_asked_back_when_it_is_left(client, clinic, worker, clock, sandbox, of_a_plan):
    trouble(sandbox)
    if of_a_plan:
        factories.an_appointment(clinic, factories.a_patient(clinic))
    else:
        a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    message = db.session.scalar(select(Message).where(Message.state == "scheduled").order_by(Message.id))
    change(message, state="needs_review", next_action_at=clock.now().add(minutes=5))
    factories.sign_in(client, clinic)
    assert "left unsent" in post(client, f"/parked/{message.public_id}/leave")
    worker.settle()
    assert state_of(message.public_id) == "cancelled"
    assert sum(text.status == "canceled" for text in at_twilio(sandbox)) == 1


def test_one_that_is_left_is_not_brought_again_by_the_plan(client, clinic, parked, visit, now):
    factories.sign_in(client, clinic)
    post(client, f"/parked/{parked}/leave")
    with transaction() as session:
        found = locks.appointments(session, Appointment.id == visit.id)[0]
        replan(session, found, by=OPERATOR, now=now)
    texts = db.session.scalars(select(Message.state).where(Message.appointment_id == visit.id)).all()
    assert sorted(texts) == ["cancelled", "pending", "pending"]


def test_one_that_is_still_looked_for_says_so(client, clinic, parked, now):
    factories.sign_in(client, clinic)
    assert "The site goes on asking Twilio" not in client.get("/parked").text
    with transaction() as session:
        session.execute(update(Message).where(Message.public_id == parked).values(next_action_at=now))
    assert "The site goes on asking Twilio" in client.get("/parked").text


@pytest.fixture
def unplanned(clinic):
    """A coming appointment whose texts could not be planned, and one that is over."""
    pia = factories.a_patient(clinic, "Pia", "Long")
    trouble = {"plan_trouble": "the text “Confirmation” would have 1,700 characters", "planned": False}
    factories.an_appointment(clinic, pia, datetime(2026, 10, 20, 9, 0), **trouble)
    return factories.an_appointment(clinic, pia, **trouble)


def test_an_appointment_whose_texts_could_not_be_planned_is_shown_with_its_number_and_reason(client, clinic, unplanned):
    factories.sign_in(client, clinic)
    assert "1 appointment stands without the texts it should have." in client.get("/patients").text
    page = client.get("/parked").text
    assert page.count("Pia Long") == 1 and "The text “Confirmation” would have 1,700 characters" in page
    assert 'href="tel:+1' in page and f'href="/appointments/{unplanned.public_id}"' in page
    assert parked_count(clinic.id, now=factories.MONDAY) == 1
    assert parked_count(factories.a_clinic("Oak Clinic").id, now=factories.MONDAY) == 0


def test_texts_and_appointments_that_need_a_person_are_told_together(client, clinic, parked, unplanned):
    factories.sign_in(client, clinic)
    page = client.get("/patients").text
    assert "1 text needs a person" in page and "1 appointment stands without" in page


def test_the_health_page_says_how_many_appointments_are_put_aside(client, unplanned, now):
    check = health.checks(now=now)["plans"]
    assert (check.status, check.words) == ("degraded", "the texts of 1 appointment could not be planned")


def test_the_health_page_says_whose_plans_stay_behind_new_settings(clinic, now):
    factories.an_appointment(clinic, factories.a_patient(clinic))
    with transaction() as session:
        later = {"plan_version": Clinic.plan_version + 1, "plans_follow_since": now}
        session.execute(update(Clinic).values(**later))
    assert health.checks(now=now.add(minutes=14))["plans"].status == "ok"
    check = health.checks(now=now.add(minutes=15))["plans"]
    assert (check.status, check.since) == ("degraded", now)
    assert check.words == "1 appointment still stands on older settings"
    assert health.checks(now=now.add(days=60))["plans"].status == "ok"
