"""Answers by link where two taps, a tap and the desk, or a tap and the link's end meet."""

import threading
from datetime import datetime

import pytest
from sqlalchemy import func, select

from reminder_site.actions import appointments, link_answers, links, locks
from reminder_site.actions.appointments import Tell
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.refusals import AppointmentChanged, NotHere
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, InboundMessage, ManageLink
from reminder_site.queries.links import find
from tests.factories import a_patient, an_appointment
from tests.texting import fresh, last_text, link_to


@pytest.fixture
def visit(clinic, now):
    appointment = an_appointment(clinic, a_patient(clinic))
    link_to(appointment, now)
    return appointment


@pytest.fixture
def link_id(visit):
    return db.session.scalar(select(ManageLink.id).where(ManageLink.appointment_id == visit.id))


def test_two_taps_in_the_same_moment_act_once(app, visit, link_id, now):
    done, start = [], threading.Barrier(5)

    def tap():
        with app.app_context():
            start.wait()
            try:
                link_answers.record_from_link(link_id=link_id, version=1, kind="cannot_come", now=now)
                done.append("once")
            except AppointmentChanged:
                pass

    taps = [threading.Thread(target=tap) for _ in range(5)]
    [one.start() for one in taps]
    [one.join() for one in taps]
    assert done == ["once"]
    assert fresh(visit).state == "cancelled"
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 1


def test_an_answer_to_what_the_desk_has_changed_is_not_taken(visit, link_id, now):
    with pytest.raises(AppointmentChanged):
        link_answers.record_from_link(link_id=link_id, version=7, kind="cannot_come", now=now)
    with pytest.raises(AppointmentChanged):
        link_answers.undo_from_link(link_id=link_id, version=7, now=now)
    assert fresh(visit).state == "booked"


def test_a_link_that_ends_between_page_and_button_does_nothing(visit, link_id, now):
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        links.revoke(session, visit.id, now=now)
    with pytest.raises(NotHere):
        link_answers.record_from_link(link_id=link_id, version=1, kind="cannot_come", now=now)
    assert fresh(visit).state == "booked"


def test_taking_back_a_wordless_wish_takes_it_off_the_inbox(visit, link_id, now):
    link_answers.record_from_link(link_id=link_id, version=1, kind="change", now=now)
    assert last_text().needs_person
    link_answers.undo_from_link(link_id=link_id, version=2, now=now.add(minutes=1))
    waiting = select(func.count()).where(InboundMessage.needs_person, InboundMessage.handled_at.is_(None))
    assert db.session.scalar(waiting) == 0
    assert fresh(visit).answer == "none"


def test_a_wish_after_a_cancellation_reaches_a_person_once(visit, link_id, now):
    link_answers.record_from_link(link_id=link_id, version=1, kind="cannot_come", now=now)
    link_answers.record_from_link(link_id=link_id, version=2, kind="change", text="next week?", now=now)
    with pytest.raises(AppointmentChanged):
        link_answers.record_from_link(link_id=link_id, version=2, kind="change", text="next week?", now=now)
    assert (fresh(visit).state, last_text().body) == ("cancelled", "next week?")


def test_taking_back_a_wish_in_words_leaves_the_words_for_a_person(visit, link_id, now):
    wish = {"kind": "change", "text": "only mornings please"}
    link_answers.record_from_link(link_id=link_id, version=1, **wish, now=now)
    link_answers.undo_from_link(link_id=link_id, version=2, now=now.add(minutes=1))
    written = select(InboundMessage).where(InboundMessage.body != "")
    assert db.session.scalars(written).one().handled_at is None


def test_a_link_lives_on_with_the_appointment_it_belongs_to(clinic, visit, link_id, now):
    token = link_to(visit, now).rpartition("/")[2]
    later = moment(datetime(2026, 12, 10, 9, 0), clinic.time_zone)
    appointments.move(
        clinic_id=clinic.id,
        appointment_id=visit.public_id,
        time=later,
        tell=Tell(True),
        version=1,
        by=OPERATOR,
        now=now,
    )
    assert find(token, now=later.at).link_id == link_id


def test_the_link_of_an_appointment_long_over_is_not_learnt_again(clinic):
    visit = an_appointment(clinic, a_patient(clinic), planned=False)
    sent = f"See you: http://localhost/m/{'x' * 22}"
    dies_at = visit.starts_at.add(minutes=visit.duration_minutes, hours=links.LIVES_ON_HOURS)
    for at, learnt in ((dies_at, 0), (dies_at.subtract(seconds=1), 1)):
        with transaction() as session:
            links.relearn(session, visit.id, sent, now=at)
        assert db.session.scalar(select(func.count()).select_from(ManageLink)) == learnt
