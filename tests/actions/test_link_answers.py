"""Answers by link where two taps, a tap and the desk, or a tap and the link's end meet."""

import threading
from dataclasses import replace
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
from tests.patients_page import a_page
from tests.texting import fresh, last_text, link_to


@pytest.fixture
def visit(clinic, now):
    return an_appointment(clinic, a_patient(clinic))


@pytest.fixture
def token(visit, now):
    return link_to(visit, now).rpartition("/")[2]


@pytest.fixture
def pressed(token, now):
    """Presses a button of a page opened just now, or of the page given."""

    def press(kind, *, at=now, page=None, **more):
        linked = find(token, now=at)
        return link_answers.press(link_id=linked.link_id, page=page or a_page(linked), kind=kind, now=at, **more)

    return press


@pytest.fixture
def link_id(visit, token):
    return db.session.scalar(select(ManageLink.id).where(ManageLink.appointment_id == visit.id))


@pytest.mark.parametrize("pages", ["one page", "a page each"])
def test_taps_in_the_same_moment_act_once(app, visit, link_id, token, now, pages):
    page, became, start = a_page(find(token, now=now)), [], threading.Barrier(5)

    def tap():
        with app.app_context():
            mine = page if pages == "one page" else replace(page, number=threading.current_thread().name)
            start.wait()
            try:
                became.append(link_answers.press(link_id=link_id, page=mine, kind="cannot_come", now=now).became)
            except AppointmentChanged:
                became.append("changed")

    taps = [threading.Thread(target=tap) for _ in range(5)]
    [one.start() for one in taps]
    [one.join() for one in taps]
    assert sorted(became) == sorted(["recorded", *["repeated" if pages == "one page" else "changed"] * 4])
    assert fresh(visit).state == "cancelled"
    assert db.session.scalar(select(func.count()).select_from(InboundMessage)) == 1


def test_an_answer_to_what_the_desk_has_changed_is_not_taken(visit, pressed, token, now):
    stale = replace(a_page(find(token, now=now)), version=7)
    for kind in ("cannot_come", "undo"):
        with pytest.raises(AppointmentChanged):
            pressed(kind, page=stale)
    assert fresh(visit).state == "booked"


def test_a_link_that_ends_between_page_and_button_does_nothing(visit, pressed, token, now):
    link_id, page = find(token, now=now).link_id, a_page(find(token, now=now))
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        links.revoke(session, visit.id, now=now)
    with pytest.raises(NotHere):
        link_answers.press(link_id=link_id, page=page, kind="cannot_come", now=now)
    assert fresh(visit).state == "booked"


def test_taking_back_a_wordless_wish_takes_it_off_the_inbox(visit, pressed, now):
    pressed("change")
    assert last_text().needs_person
    pressed("undo", at=now.add(minutes=1))
    waiting = select(func.count()).where(InboundMessage.needs_person, InboundMessage.handled_at.is_(None))
    assert db.session.scalar(waiting) == 0
    assert fresh(visit).answer == "none"


def test_a_wish_after_a_cancellation_reaches_a_person_once(visit, pressed, token, now):
    pressed("cannot_come")
    page = a_page(find(token, now=now))
    became = [pressed("change", text="next week?", page=page).became for _ in range(2)]
    assert became == ["recorded", "repeated"]
    assert (fresh(visit).state, last_text().body) == ("cancelled", "next week?")


def test_taking_back_a_wish_in_words_leaves_the_words_for_a_person(visit, pressed, now):
    pressed("change", text="only mornings please")
    pressed("undo", at=now.add(minutes=1))
    written = select(InboundMessage).where(InboundMessage.body != "")
    assert db.session.scalars(written).one().handled_at is None


def test_a_page_pressed_in_two_ways_is_of_no_more_use(visit, pressed, token, now):
    page = a_page(find(token, now=now))
    assert [pressed(kind, page=page).became for kind in ("confirm", "cannot_come", "confirm")] == [
        "recorded", "contradicts", "contradicts",
    ]  # fmt: skip
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "none")


def test_a_cancellation_is_made_sure_of_on_the_page_it_was_begun_on(visit, pressed, token, now):
    first = a_page(find(token, now=now), sure=False)
    assert pressed("cannot_come", page=first).became == "sure"
    assert fresh(visit).state == "booked"
    assert pressed("cannot_come", page=replace(first, sure=True)).became == "recorded"
    assert fresh(visit).state == "cancelled"


def test_a_link_lives_on_with_the_appointment_it_belongs_to(clinic, visit, link_id, token, now):
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


@pytest.mark.parametrize("length", [12, 22])
def test_the_link_of_an_appointment_long_over_is_not_learnt_again(clinic, length):
    visit = an_appointment(clinic, a_patient(clinic), planned=False)
    sent = f"See you: http://localhost/m/{'x' * length} or call us"
    dies_at = visit.starts_at.add(minutes=visit.duration_minutes, hours=links.LIVES_ON_HOURS)
    for at, learnt in ((dies_at, 0), (dies_at.subtract(seconds=1), 1)):
        with transaction() as session:
            links.relearn(session, visit.id, sent, now=at)
        assert db.session.scalar(select(func.count()).select_from(ManageLink)) == learnt
