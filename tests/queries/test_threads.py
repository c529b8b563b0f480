"""What a phone was told and by whom, what was decided since, and which appointment a text is about."""

from datetime import datetime
from itertools import count

import pytest
from sqlalchemy import update

from reminder_site.actions import audit
from reminder_site.db import transaction
from reminder_site.domain.actor import PATIENT
from reminder_site.domain.message_state import STATES
from reminder_site.models import Appointment, InboundMessage, Message, OptOut
from reminder_site.queries import threads
from reminder_site.queries.threads import Telling
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID as OURS
from tests import factories
from tests.delivering import a_text
from tests.texting import PHONE, fresh

HEARD = {"accepted", "sent", "delivered", "read", "undelivered", "failed"}
ON_ITS_WAY = {"submitting", "unknown", "scheduled", "cancelling"}
OTHER, OTHERS = "+12125550143", "MG" + "7" * 32
FACTS = {"starts": "2026-11-20T14:30:00", "asks": "yes"}
numbers = count(1)


@pytest.fixture
def visit(clinic):
    """An appointment that nobody was told of."""
    carol = factories.a_patient(clinic, phone_e164=PHONE)
    return factories.an_appointment(clinic, carol, planned=False)


@pytest.fixture
def apart(oak):
    """Oak Clinic, with a sender of its own."""
    with transaction() as session:
        session.merge(oak).sender = OTHERS
    return oak


def texted(place, at, visit=None, *, state="delivered", **columns):
    """A text of ours to the phone that stands so."""
    about = {"to_e164": PHONE, "told": FACTS, "appointment_id": visit and visit.id}
    text = a_text(place, at, **about | columns)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == text).values(state=state))


def wrote(place, at, **columns):
    """A text from the phone."""
    columns = {"clinic_id": place.id, "from_e164": PHONE, "to": "x", "understood": "other", "body": "hello"} | columns
    with transaction() as session:
        session.add(InboundMessage(sid=f"SM{next(numbers):032x}", received_at=at, **columns))


def told(visit, now):
    return threads.tellings_of(visit.id, PHONE, OURS, now=now)


def meant(now, e164=PHONE):
    return threads.find(e164, OURS, now=now)


@pytest.mark.parametrize("state", STATES)
def test_a_phone_was_told_what_was_sent_or_may_have_been_by_now(clinic, visit, now, state):
    texted(clinic, now, visit, state=state)
    heard = told(visit, now)
    assert len(heard) == (state in HEARD | ON_ITS_WAY)
    assert {one.doubtful for one in heard} <= {state not in {"accepted", "sent", "delivered", "read", "scheduled"}}
    assert {one.lost for one in heard} <= {state in {"undelivered", "failed"}}
    assert told(visit, now.subtract(seconds=1)) == ()


def test_a_phone_was_told_nothing_by_the_texts_of_others(clinic, apart, visit, now):
    texted(clinic, now, visit, to_e164=OTHER)
    texted(apart, now, visit)
    texted(clinic, now, visit, kind="staff")
    wrote(apart, now, appointment_id=visit.id, told=FACTS)
    assert told(visit, now) == ()


def test_a_reply_tells_from_its_own_moment_on(clinic, visit, now):
    wrote(clinic, now, appointment_id=visit.id, told=FACTS)
    assert [len(told(visit, at)) for at in (now.subtract(seconds=1), now)] == [0, 1]


@pytest.mark.parametrize("state", STATES)
def test_what_somebody_wrote_by_hand_counts_once_it_has_left(clinic, now, state):
    texted(clinic, now, state=state, kind="staff", told=None)
    assert (threads.written_by_hand_at(PHONE, OURS, now=now) is not None) is (state in HEARD)


def test_only_what_was_written_by_hand_lately_from_this_sender_to_this_phone_counts(clinic, apart, now):
    texted(clinic, now)
    texted(apart, now, kind="staff")
    texted(clinic, now, kind="staff", to_e164=OTHER)
    assert threads.written_by_hand_at(PHONE, OURS, now=now) is None
    texted(clinic, now.subtract(days=2), kind="staff")
    assert threads.written_by_hand_at(PHONE, OURS, now=now) == now.subtract(days=2)
    assert threads.written_by_hand_at(PHONE, OURS, now=now.add(days=1)) is None


@pytest.mark.parametrize(
    ("e164", "sender", "seconds", "decided"),
    [(PHONE, OURS, 1, True), (PHONE, OURS, 0, False), (OTHER, OURS, 1, False), (PHONE, OTHERS, 1, False)],
)
def test_an_opt_out_of_this_number_and_sender_decides_from_then_on(clinic, now, e164, sender, seconds, decided):
    with transaction() as session:
        session.add(OptOut(e164=e164, sender=sender, source="desk", started_at=now.add(seconds=seconds)))
    assert threads.has_decided_since(PHONE, OURS, now) is decided


@pytest.mark.parametrize(
    ("seconds", "columns", "decided"),
    [
        (1, {"understood": "stop"}, True),
        (0, {"understood": "stop"}, False),
        (1, {"understood": "start"}, True),
        (1, {"understood": "confirm", "body": "1"}, False),
        (1, {"understood": "stop", "from_e164": OTHER}, False),
    ],
)
def test_a_later_word_about_texts_decides(clinic, now, seconds, columns, decided):
    wrote(clinic, now.add(seconds=seconds), **columns)
    assert threads.has_decided_since(PHONE, OURS, now) is decided


def test_a_list_is_open_from_when_it_was_sent_until_its_last_appointment_begins(clinic, apart, visit, now):
    factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 12, 20, 14, 30))
    line = {"A": {"appointment_id": visit.id, "told": FACTS}}
    wrote(apart, now, offered=line)
    assert threads.open_list(PHONE, OURS, now=now) is None
    wrote(clinic, now, offered=line)
    begins = visit.starts_at
    moments = [(now.subtract(seconds=1), now), (now, now), (now, begins.subtract(seconds=1)), (now, begins)]
    asked = [threads.open_list(PHONE, OURS, now=at, written_at=written_at) for written_at, at in moments]
    assert [one and one.starts for one in asked] == [None, {"A": FACTS["starts"]}, {"A": FACTS["starts"]}, None]


def test_what_was_told_of_an_appointment_is_talked_about_until_two_days_after_it(clinic, visit, now):
    texted(clinic, now, visit)
    over = visit.starts_at.add(days=2)
    assert [threads.find(PHONE, OURS, now=at).tellings != () for at in (over.subtract(seconds=1), over)] == [
        True,
        False,
    ]


def test_a_number_texted_about_nothing_means_its_only_coming_appointment_else_the_last(clinic, visit, now):
    begins = visit.starts_at
    carol = factories.a_patient(clinic, "Dave", phone_e164=OTHER)
    later = factories.an_appointment(clinic, carol, datetime(2026, 11, 24, 9), planned=False)
    assert meant(now).appointment_id == visit.id
    off = factories.an_appointment(clinic, carol, datetime(2026, 11, 23, 9), planned=False, state="cancelled")
    assert (meant(now, OTHER).appointment_id, meant(now, OTHER).several) == (later.id, False)
    assert meant(off.starts_at, OTHER).appointment_id == later.id
    assert [meant(at).appointment_id for at in (begins, begins.add(days=90), begins.add(days=91))] == [
        visit.id, visit.id, None,
    ]  # fmt: skip
    twice = factories.an_appointment(clinic, carol, datetime(2026, 11, 25, 9), planned=False)
    assert meant(now, OTHER).meant == (later.id, twice.id)
    assert meant(later.starts_at, OTHER).meant == ()


def test_the_patients_of_a_number_are_those_of_the_clinics_of_its_sender(clinic, apart):
    ours, theirs = (factories.a_patient(place, phone_e164=PHONE) for place in (clinic, apart))
    factories.a_patient(clinic)
    found = [[one.id for one in threads.numbers_patients(PHONE, sender)] for sender in (OURS, OTHERS)]
    assert found == [[ours.id], [theirs.id]]


@pytest.mark.parametrize(
    ("columns", "waits"),
    [
        ({"answer": "none"}, True),
        ({"answer": "confirmed"}, False),
        ({"state": "cancelled", "cancelled_by": "patient"}, False),
        ({"state": "cancelled", "cancelled_by": "clinic"}, True),
        ({"cancelled_by": "patient"}, True),
    ],
)
def test_another_appointment_that_waits_for_its_answer_may_be_meant(clinic, visit, now, columns, waits):
    other = factories.an_appointment(clinic, factories.a_patient(clinic, "Leo", phone_e164=PHONE), planned=False)
    with transaction() as session:
        session.execute(update(Appointment).where(Appointment.id == other.id).values(**columns))
    texted(clinic, now.subtract(minutes=1), other)
    texted(clinic, now, visit)
    assert threads.find(PHONE, OURS, now=now).several is waits


@pytest.mark.parametrize(("minutes", "apart_lately"), [(0, False), (1, True)])
def test_what_differs_from_what_was_told_before_does_so_for_twelve_hours(clinic, visit, now, minutes, apart_lately):
    texted(clinic, now, visit)
    texted(clinic, now.add(minutes=minutes), visit, told={"starts": "2026-11-21T09:00:00"})
    assert threads.told_apart_lately(PHONE, OURS, now=now.add(hours=12)) is apart_lately


def test_of_texts_without_facts_those_about_different_times_are_apart(now):
    first, again, moved = (Telling(now, None, round_no) for round_no in (1, 1, 2))
    assert [threads.apart(first, other) for other in (again, moved)] == [False, True]


@pytest.mark.parametrize("what", ["answer.take_back", "appointment.answered"])
def test_an_answer_is_overtaken_by_what_was_taken_back_or_given_after_it(clinic, visit, now, what):
    with transaction() as session:
        audit.record(session, actor=PATIENT, what=what, clinic_id=clinic.id, subject=visit.public_id, now=now)
    assert [threads.was_taken_back_since(visit, at) for at in (now.subtract(seconds=1), now)] == [True, False]
    given = fresh(visit)
    given.answered_at = now.add(minutes=5)
    later = [now.add(minutes=5, seconds=-1), now.add(minutes=5)]
    assert [threads.was_taken_back_since(given, at) for at in later] == [True, False]


@pytest.mark.parametrize(("seconds", "waits"), [(-1, True), (0, False)])
def test_an_appointment_waits_for_its_answer_until_it_begins_by_what_was_told_or_by_what_stands(visit, seconds, waits):
    begins = visit.starts_at
    as_it_stands, untold = Telling(begins.subtract(days=1), FACTS, 1), Telling(begins.subtract(days=1), None, 1)
    assert threads._waits(visit, as_it_stands, begins.add(seconds=seconds)) is waits
    assert threads._waits(visit, untold, begins.add(seconds=seconds)) is waits


def test_an_answer_in_the_moment_of_a_list_is_one_to_it(visit, now):
    visit.answered_at = now
    listed = [Telling(at, FACTS, 1, listed=True) for at in (now, now.add(seconds=1))]
    assert [threads._answered_since(visit, told) for told in listed] == [True, False]
