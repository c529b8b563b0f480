"""What each answer of Twilio's does to a text, to the number it goes to, and to all the others."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from reminder_site.actions import delivery, learning
from reminder_site.actions import heart as pulse
from reminder_site.db import db, transaction
from reminder_site.models import Audit, Clinic, Heartbeat, OptOut, Patient
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, at_twilio, attempts, carry_on, heart, history, now_as, take_back, trouble

LEFT = {"accepted", "sent", "delivered"}
OPTED_OUT, NO_NUMBER, LANDLINE = "+15005550004", "+15005550001", "+15005550009"


@pytest.fixture(autouse=True)
def quiet_callbacks(sandbox):
    trouble(sandbox)


def test_a_number_twilio_knows_as_opted_out_is_never_tried_again(clinic, worker, clock, sandbox):
    carol = factories.a_patient(clinic, phone_e164=OPTED_OUT)
    first = a_text(clinic, clock.now(), to_e164=OPTED_OUT, patient_id=carol.id)
    later = a_text(clinic, clock.now(), to_e164=OPTED_OUT, patient_id=carol.id, in_minutes=10)
    worker.settle()
    assert (now_as(first).state, now_as(first).error_code) == ("suppressed", 21610)
    (kept,) = db.session.scalars(select(OptOut)).all()
    assert (kept.e164, kept.sender, kept.source, kept.ended_at) == (OPTED_OUT, MESSAGING_SERVICE_SID, "twilio", None)
    carry_on(worker, clock, minutes=15)
    assert (now_as(later).state, attempts(later)) == ("cancelled", [])


@pytest.mark.parametrize(("number", "code"), [(NO_NUMBER, 21211), (LANDLINE, 21614)])
def test_a_number_that_cannot_be_texted_is_marked(clinic, worker, clock, number, code):
    carol = factories.a_patient(clinic, phone_e164=number)
    message_id = a_text(clinic, clock.now(), to_e164=number, patient_id=carol.id)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).error_code) == ("failed", code)
    db.session.expire_all()
    assert db.session.get(Patient, carol.id).phone_flag == "unreachable"


def test_a_text_twilio_will_never_take_fails_with_words_for_people(clinic, worker, clock):
    message_id = a_text(clinic, clock.now(), body="")
    worker.settle()
    message = now_as(message_id)
    assert (message.state, message.error_code, message.next_action_at) == ("failed", 21602, None)
    assert message.state_why
    assert "21602" not in message.state_why


def test_a_text_twilio_finds_out_of_its_window_is_sent_from_here(clinic, worker, clock, sandbox):
    message_id = a_text(clinic, clock.now(), in_minutes=17)
    sandbox.exchange.clock.set(clock.now().add(minutes=3).timestamp(), speed=0)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).local_only) == ("pending", True)
    clock.forward(minutes=16, seconds=59)
    worker.settle()
    assert at_twilio(sandbox) == []
    clock.forward(seconds=1)
    worker.settle()
    assert (now_as(message_id).route, len(at_twilio(sandbox))) == ("local", 1)
    assert attempts(message_id) == ["refused", "created"]


def test_what_twilios_calendar_has_no_room_for_is_held_here_and_handed_over_nearer(clinic, worker, clock, sandbox):
    trouble(sandbox, scheduled_cap=1)
    first, second = (a_text(clinic, clock.now(), in_minutes=days * 24 * 60) for days in (10, 20))
    soon = a_text(clinic, clock.now().add(seconds=1), in_minutes=60)
    worker.settle()
    clock.forward(seconds=1)
    worker.settle()
    assert [now_as(m).state for m in (first, second, soon)] == ["scheduled", "pending", "pending"]
    assert now_as(second).next_action_at == now_as(second).send_at.subtract(hours=24)
    clock.forward(hours=1)
    worker.settle()
    assert (now_as(soon).route, now_as(soon).state in LEFT) == ("local", True)
    trouble(sandbox)
    clock.set(now_as(second).next_action_at)
    worker.settle()
    assert now_as(second).state == "scheduled"


def test_a_call_for_patience_is_heeded(clinic, worker, clock, sandbox):
    trouble(sandbox, {"kind": "rate_limit_429", "next": 1, "retry_after": 40})
    message_id = a_text(clinic, clock.now())
    worker.settle()
    assert now_as(message_id).next_action_at == clock.now().add(seconds=40)
    assert "slow down" in history(message_id)[-1]
    carry_on(worker, clock, minutes=0.6, step_seconds=12)
    assert at_twilio(sandbox) == []
    clock.forward(seconds=4)
    worker.settle()
    assert now_as(message_id).state in LEFT


def test_a_refused_account_stops_everything_and_is_tried_with_one_text_a_minute(clinic, worker, clock, sandbox):
    trouble(sandbox, {"kind": "unauthorised"})
    texts = [a_text(clinic, clock.now(), useful_minutes=600)]
    worker.settle()
    texts += [a_text(clinic, clock.now(), useful_minutes=600) for _ in range(29)]
    carry_on(worker, clock, minutes=10, step_seconds=5)
    tries = sum(len(attempts(m)) for m in texts)
    assert 10 <= tries <= 12
    assert heart().circuit_why
    assert any(now_as(m).state_why.startswith("waiting: Twilio refuses this account") for m in texts)
    trouble(sandbox)
    carry_on(worker, clock, minutes=3, step_seconds=5)
    assert (heart().circuit_open_at, heart().circuit_why) == (None, "")
    carry_on(worker, clock, minutes=6, step_seconds=15)
    assert all(now_as(m).state in LEFT for m in texts)
    assert len(at_twilio(sandbox)) == 30


def test_a_clock_five_minutes_off_stops_the_sending_until_it_is_right(clinic, worker, clock, sandbox):
    a_text(clinic, clock.now())
    sandbox.exchange.clock.set(clock.now().subtract(seconds=301).timestamp(), speed=0)
    worker.settle()
    assert heart().clock_skew_seconds == 301
    later = a_text(clinic, clock.now(), useful_minutes=600)
    for _ in range(10):
        worker.settle()
        clock._now = clock.now().add(minutes=1)
        sandbox.exchange.clock.set(clock.now().subtract(seconds=301).timestamp(), speed=0)
    assert (now_as(later).state, now_as(later).state_why) == ("pending", "waiting: this machine's clock is wrong")
    carry_on(worker, clock, minutes=2)
    assert (heart().clock_skew_seconds, now_as(later).state in LEFT) == (0, True)


@pytest.mark.parametrize(("seconds", "told"), [(29, 0), (-29, 0), (31, 31), (-45, -45), (299, 299)])
def test_a_skew_worth_saying_is_told_and_up_to_five_minutes_sending_goes_on(
    clinic, worker, clock, sandbox, seconds, told
):
    sandbox.exchange.clock.set(clock.now().subtract(seconds=seconds).timestamp(), speed=0)
    for _ in range(2):
        message_id = a_text(clinic, clock.now())
        worker.settle()
        assert heart().clock_skew_seconds == told
        assert attempts(message_id) == ["created"]


def test_a_text_taken_back_while_twilio_refuses_it_does_not_wait_for_its_turn(clinic, worker, clock, sandbox):
    trouble(sandbox, scheduled_cap=0)
    message_id = a_text(clinic, clock.now(), in_minutes=20 * 24 * 60)
    intended = worker.sms.create

    def create(**asked):
        take_back(message_id, clock.now())
        return intended(**asked)

    worker.handing_over.sms = type("Sms", (), {"create": staticmethod(create)})()
    worker.settle()
    assert now_as(message_id).state == "cancelled"


def test_learning_from_an_answer_needs_no_heartbeat_row(app, now):
    pulse.hear(theirs=now.subtract(minutes=2), took=True, now=now)
    assert heart() is None
    assert not pulse.beat(now=now).skewed
    pulse.hear(theirs=now.subtract(minutes=2), took=True, now=now)
    assert heart().clock_skew_seconds == 120


def test_only_one_of_many_workers_may_try_a_refused_account(app, now):
    pulse.beat(now=now)
    with transaction() as session:
        session.execute(update(Heartbeat).values(circuit_open_at=now, circuit_why="20003"))
    answers = []
    for second in (0, 59, 60, 60, 61, 119, 120):
        with transaction() as session:
            answers.append(pulse.why_stopped(session, pulse.stops(session), now.add(seconds=second)) is None)
    assert answers == [False, False, True, False, False, False, True]
    assert db.session.scalar(select(Clinic.id)) is None


@pytest.mark.parametrize(("number", "code"), [(OPTED_OUT, 21610), (NO_NUMBER, 21211)])
def test_who_dies_between_the_number_and_the_text_leaves_nothing_undone(clinic, worker, clock, sandbox, number, code):
    carol = factories.a_patient(clinic, phone_e164=number)
    message_id = a_text(clinic, clock.now(), to_e164=number, patient_id=carol.id)
    learnt = []

    def die(**known):
        learnt.append(known)
        learning.learn(**known)
        raise SystemExit

    with pytest.MonkeyPatch.context() as once, pytest.raises(SystemExit):
        once.setattr(delivery, "learning", SimpleNamespace(learn=die))
        worker.settle()
    assert learnt == [{"message_id": message_id, "error_code": code, "now": clock.now()}]
    assert now_as(message_id).state == "submitting"
    carry_on(type(worker)(worker.app, monotonic=clock.monotonic), clock, minutes=8)
    expected = {21610: {"suppressed", "cancelled"}, 21211: {"failed"}}[code]
    assert now_as(message_id).state in expected
    assert len(db.session.scalars(select(OptOut)).all()) == (code == 21610)


def test_an_opt_out_heard_again_changes_nothing(clinic, worker, clock, sandbox):
    carol = factories.a_patient(clinic, phone_e164=OPTED_OUT)
    message_id = a_text(clinic, clock.now(), to_e164=OPTED_OUT, patient_id=carol.id)
    for _ in range(3):
        learning.learn(message_id=message_id, error_code=21610, now=clock.now())
    assert len(db.session.scalars(select(OptOut)).all()) == 1
    told = db.session.scalars(select(Audit.id).where(Audit.what == "opt_out.started"))
    assert len(told.all()) == 1
