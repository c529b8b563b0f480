"""When nobody knows whether Twilio took a text: found out, never guessed. One comes of it, never two, never none."""

import pytest
from sqlalchemy import update

from reminder_site.actions import links, locks
from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Heartbeat, Message
from reminder_site.sandbox.faults import AFTER, BEFORE
from tests import factories
from tests.delivering import a_text, at_twilio, attempts, carry_on, history, now_as, take_back, trouble

UNCLEAR_BEFORE = ("error_before", "reset_before", "html_503")
LEFT = {"accepted", "sent", "delivered"}
QUICK_AFTER = tuple(kind for kind in AFTER if kind != "slow_then_ok")


@pytest.mark.parametrize("in_minutes", [0, 60], ids=["sent now", "scheduled"])
@pytest.mark.parametrize("kind", [*QUICK_AFTER, *UNCLEAR_BEFORE])
def test_whatever_broke_exactly_one_text_comes_of_it(clinic, worker, clock, sandbox, kind, in_minutes):
    trouble(sandbox, (kind, 1))
    message_id = a_text(clinic, clock.now(), in_minutes=in_minutes)
    worker.settle()
    assert now_as(message_id).state == "unknown"
    carry_on(worker, clock, minutes=5)
    (held,) = at_twilio(sandbox)
    message = now_as(message_id)
    assert (message.sid, message.route) == (held.sid, "twilio" if in_minutes else "local")
    assert message.state in ({"scheduled"} if in_minutes else LEFT)
    assert attempts(message_id) == (["unknown"] if kind in AFTER else ["unknown", "created"])


@pytest.mark.parametrize("kind", ["rate_limit_429", "unauthorised"])
def test_what_was_surely_not_taken_is_tried_again_without_a_doubt(clinic, worker, clock, sandbox, kind):
    trouble(sandbox, (kind, 1))
    message_id = a_text(clinic, clock.now())
    worker.settle()
    assert now_as(message_id).state == "pending"
    carry_on(worker, clock, minutes=2)
    assert len(at_twilio(sandbox)) == 1
    assert attempts(message_id) == ["not_created", "created"]


def test_every_trouble_of_the_sandbox_is_tried_here_or_in_the_gateways_tests():
    tried = {*QUICK_AFTER, *UNCLEAR_BEFORE, "rate_limit_429", "unauthorised", "sender_missing"}
    assert set(BEFORE | AFTER) - tried == {"slow_then_ok", "late_accept"}


def test_nothing_is_asked_until_the_outcome_must_be_settled(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now())
    worker.settle()
    carry_on(worker, clock, minutes=2, step_seconds=5)
    assert now_as(message_id).state == "unknown"
    clock.forward(seconds=25)
    worker.settle()
    assert now_as(message_id).state == "unknown"
    clock.forward(seconds=5)
    worker.settle()
    assert now_as(message_id).state in LEFT


def test_one_reading_without_it_does_not_prove_a_text_absent(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1), list_staleness_s=200.0)
    message_id = a_text(clinic, clock.now())
    worker.settle()
    clock.forward(seconds=150)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 1)
    clock.forward(seconds=59)
    worker.settle()
    assert now_as(message_id).absent_reads == 1
    clock.forward(seconds=1)
    worker.settle()
    assert now_as(message_id).state in LEFT
    assert len(at_twilio(sandbox)) == 1


def test_a_wall_clock_that_jumps_ahead_does_not_hurry_the_proof(clinic, worker, clock, sandbox):
    trouble(sandbox, ("reset_before", 1))
    message_id = a_text(clinic, clock.now())
    worker.settle()
    stopwatch = worker.monotonic()
    worker.handing_over.monotonic = lambda: stopwatch + 1
    clock.forward(hours=1)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).absent_reads) == ("unknown", 0)


def test_two_clocks_minutes_apart_still_find_the_text(clinic, worker, clock, sandbox):
    for skew_seconds in (-240, 240):
        message_id = a_text(clinic, clock.now(), to_e164=f"+1212555{1000 + skew_seconds}")
        trouble(sandbox, ("error_after", 1))
        sandbox.exchange.clock.set(clock.now().timestamp() + skew_seconds, speed=0)
        worker.settle()
        carry_on(worker, clock, minutes=5)
        assert attempts(message_id) == ["unknown"]
        assert now_as(message_id).state in LEFT
    assert len(at_twilio(sandbox)) == 2


def test_a_text_is_recognised_though_its_link_has_been_revoked(clinic, worker, clock, sandbox):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), planned=False)
    message_id = a_text(clinic, clock.now(), in_minutes=60, appointment_id=visit.id, body="See {{link}} for more.")
    trouble(sandbox, ("error_after", 1))
    worker.settle()
    with transaction() as session:
        locks.appointments(session, Appointment.id == visit.id)
        session.execute(update(Message).values(wanted=False, unwanted_why="moved"))
        links.revoke(session, visit.id, now=clock.now())
    carry_on(worker, clock, minutes=5)
    (held,) = at_twilio(sandbox)
    assert (held.status, now_as(message_id).state) == ("canceled", "cancelled")


def test_a_strangers_text_to_the_same_number_is_never_adopted(clinic, worker, clock, sandbox, app):
    trouble(sandbox, ("reset_before", 1))
    message_id = a_text(clinic, clock.now())
    to = now_as(message_id).to_e164
    worker.settle()
    sms = app.extensions["sms"]
    for body, sender in [("Another text.", now_as(message_id).sender), (now_as(message_id).body, "+15005550006")]:
        sms.create(to=to, body=body, sender=sender, callback_url="http://localhost/elsewhere")
    carry_on(worker, clock, minutes=5)
    assert attempts(message_id) == ["unknown", "created"]
    assert now_as(message_id).sid == at_twilio(sandbox)[-1].sid


def test_twins_at_twilio_are_cancelled_and_the_oldest_is_kept(clinic, worker, clock, sandbox, app):
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=120)
    worker.settle()
    message = now_as(message_id)
    clock.forward(seconds=1)
    app.extensions["sms"].create(
        to=message.to_e164, body=message.body, sender=message.sender, callback_url="http://localhost/x",
        send_at=message.send_at,
    )  # fmt: skip
    carry_on(worker, clock, minutes=4)
    first, second = at_twilio(sandbox)
    assert (first.status, second.status) == ("scheduled", "canceled")
    assert (now_as(message_id).sid, now_as(message_id).state) == (first.sid, "scheduled")
    assert any("second copy" in words for words in history(message_id))


def test_a_ghost_that_shows_late_is_cancelled_before_its_time(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1), list_staleness_s=1000.0)
    message_id = a_text(clinic, clock.now(), in_minutes=120)
    worker.settle()
    carry_on(worker, clock, minutes=5)
    assert attempts(message_id) == ["unknown", "created"]
    assert [m.status for m in at_twilio(sandbox)] == ["scheduled", "scheduled"]
    carry_on(worker, clock, minutes=80, step_seconds=60)
    assert sorted(m.status for m in at_twilio(sandbox)) == ["canceled", "scheduled"]
    assert [m.sid for m in at_twilio(sandbox) if m.status == "scheduled"] == [now_as(message_id).sid]


def test_a_text_taken_back_while_unclear_is_cancelled_once_it_is_found(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    assert take_back(message_id, clock.now()) == 1
    assert now_as(message_id).state == "unknown"
    carry_on(worker, clock, minutes=4)
    assert (now_as(message_id).state, at_twilio(sandbox)[0].status) == ("cancelled", "canceled")


def test_a_text_taken_back_while_unclear_and_absent_never_leaves(clinic, worker, clock, sandbox):
    trouble(sandbox, ("reset_before", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    take_back(message_id, clock.now())
    carry_on(worker, clock, minutes=5)
    assert (now_as(message_id).state, at_twilio(sandbox)) == ("cancelled", [])


def test_an_unclear_text_nobody_can_ask_about_is_parked_once_it_is_of_no_use(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_before", 1), {"kind": "html_503", "on": "list"})
    message_id = a_text(clinic, clock.now(), useful_minutes=600)
    worker.settle()
    carry_on(worker, clock, minutes=590, step_seconds=300)
    assert now_as(message_id).state == "unknown"
    carry_on(worker, clock, minutes=15, step_seconds=60)
    assert now_as(message_id).state == "needs_review"
    assert "could not be cleared up" in now_as(message_id).state_why


def test_one_text_at_a_time_is_on_the_wire_to_a_number(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1))
    first = a_text(clinic, clock.now(), to_e164="+12125550142", body="First.")
    worker.settle()
    second = a_text(clinic, clock.now(), to_e164="+12125550142", body="Second.")
    elsewhere = a_text(clinic, clock.now(), to_e164="+12125550143")
    carry_on(worker, clock, minutes=2)
    assert [now_as(m).state for m in (first, second)] == ["unknown", "pending"]
    assert now_as(elsewhere).state in LEFT
    carry_on(worker, clock, minutes=1)
    assert {now_as(m).state for m in (first, second)} <= LEFT
    assert [m.body for m in at_twilio(sandbox, "+12125550142")] == ["First.", "Second."]


def test_a_hand_over_nobody_finished_is_taken_up_by_the_next_worker(app, clinic, worker, clock, sandbox):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now())
    with transaction() as session:
        session.execute(update(Heartbeat).values(beat_at=clock.now()))
    worker.handing_over.sms = Dies()
    with pytest.raises(SystemExit):
        worker.settle(limit=1)
    assert now_as(message_id).state == "submitting"
    db.session.rollback()
    survivor = type(worker)(app, monotonic=clock.monotonic)
    carry_on(survivor, clock, minutes=7)
    assert now_as(message_id).state in LEFT
    assert len(at_twilio(sandbox)) == 1


class Dies:
    """A way to Twilio in the hands of a worker that ends there, as a power cut would end it."""

    def create(self, **_):
        raise SystemExit
