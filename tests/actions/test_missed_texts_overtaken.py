"""What is found late undoes nothing that was said or done after it, and answers only what had been asked by then."""

from datetime import datetime

import pytest
from sqlalchemy import select

from reminder_site.actions import answering, attendance, inbox
from reminder_site.db import db, transaction
from reminder_site.models import OptOut
from tests.appointing import ALICE
from tests.delivering import carry_on
from tests.factories import a_patient, an_appointment
from tests.finding_late import took
from tests.texting import PHONE, fresh, heard, last_text, text


@pytest.fixture
def later(begun, clock):
    """Let five seconds go by."""
    return lambda: clock.forward(seconds=5)


def in_force():
    db.session.rollback()
    return db.session.scalars(select(OptOut.e164).where(OptOut.ended_at.is_(None))).all()


def test_a_newer_answer_stands(visit, begun, clock, sandbox, later):
    took(sandbox, "3", clock.now())
    later()
    text("1", clock.now())
    carry_on(begun, clock, minutes=3)
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "confirmed")
    assert "what was said after it stands" in last_text().effect


@pytest.mark.parametrize("way", ["on her page", "at the desk"])
def test_what_was_taken_back_since_stays_taken_back(visit, begun, clock, sandbox, later, way):
    took(sandbox, "3", clock.now())
    later()
    text("1" if way == "at the desk" else "3", clock.now())
    later()
    if way == "at the desk":
        where = {"clinic_id": visit.clinic_id, "appointment_id": visit.public_id}
        attendance.record_answer(**where, answer="none", by=ALICE, now=clock.now())
    else:
        with transaction() as session:
            answering.undo(session, answering.held(session, visit.id), way="link", now=clock.now())
    carry_on(begun, clock, minutes=3)
    assert (fresh(visit).state, fresh(visit).answer) == ("booked", "none")


@pytest.mark.parametrize(("older", "newer"), [("STOP", "START"), ("STOP", "YES"), ("please stop texting me", "start")])
def test_a_newer_start_stands(visit, begun, clock, sandbox, later, older, newer):
    took(sandbox, older, clock.now())
    later()
    text(newer, clock.now())
    carry_on(begun, clock, minutes=3)
    assert in_force() == []


@pytest.mark.parametrize("older", ["START", "YES"])
def test_a_newer_stop_stands(visit, begun, clock, sandbox, later, older):
    took(sandbox, older, clock.now())
    later()
    text("STOP", clock.now())
    carry_on(begun, clock, minutes=3)
    assert in_force() == [PHONE]


@pytest.mark.parametrize("older", ["START", "YES"])
def test_texts_that_the_desk_has_stopped_since_stay_stopped(clinic, visit, begun, clock, sandbox, later, older):
    took(sandbox, older, clock.now())
    later()
    text("leave me in peace with this", clock.now())
    inbox.stop_texts(clinic_id=clinic.id, inbound_id=last_text().public_id, by=ALICE, now=clock.now())
    carry_on(begun, clock, minutes=3)
    assert in_force() == [PHONE]


@pytest.mark.parametrize(("said", "out"), [(("STOP", "START"), []), (("STOP", "YES"), []), (("YES", "STOP"), [PHONE])])
def test_several_that_were_all_lost_count_in_their_order(visit, begun, clock, sandbox, later, said, out):
    for body in said:
        took(sandbox, body, clock.now())
        later()
    carry_on(begun, clock, minutes=3)
    assert in_force() == out


@pytest.fixture
def two(clinic, visit, now):
    """A second appointment that the same phone was told of."""
    second = an_appointment(clinic, a_patient(clinic, "Tim", phone_e164=PHONE), datetime(2026, 11, 20, 15, 0))
    heard(second, now.add(minutes=2))
    return visit, second


def test_it_answers_no_list_that_was_sent_after_it(two, begun, clock, sandbox, later):
    took(sandbox, "A3", clock.now())
    later()
    assert "which one?" in text("1", clock.now())
    carry_on(begun, clock, minutes=3)
    assert [fresh(visit).state for visit in two] == ["booked", "booked"]


def test_it_answers_the_list_that_had_been_sent_unless_something_newer_stands(two, begun, clock, sandbox, later):
    text("1", clock.now())
    later()
    took(sandbox, "A3 B1", clock.now())
    later()
    text("A1", clock.now())
    carry_on(begun, clock, minutes=3)
    assert [(fresh(visit).state, fresh(visit).answer) for visit in two] == [("booked", "confirmed")] * 2


def test_whoever_is_found_late_is_sent_no_list(two, begun, clock, sandbox):
    took(sandbox, "3", clock.now())
    carry_on(begun, clock, minutes=3)
    assert (last_text().offered, last_text().needs_person) == (None, True)
    assert [fresh(visit).state for visit in two] == ["booked", "booked"]
