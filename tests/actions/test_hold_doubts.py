"""A hold when clocks, copies and rivals are in doubt: what may have been texted is looked for far enough back."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import backups, ghosts, intents, parking
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.sms import SmsError
from reminder_site.gateways.spool import Spool, Taken
from reminder_site.models import Audit, Heartbeat, Message
from reminder_site.worker import Worker
from tests.actions.test_delivery_together import ME, take_up
from tests.actions.test_hold import a_copy, restored
from tests.appointing import ALICE
from tests.delivering import a_text, at_twilio, carry_on, heart, now_as, take_back, trouble

FOREIGN = "SM" + "a" * 32


@pytest.fixture(autouse=True)
def quiet_callbacks(sandbox):
    trouble(sandbox)


def test_a_text_made_just_before_the_gap_by_twilios_clock_is_found(app, clinic, worker, clock, sandbox, tmp_path):
    worker.settle()
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    sandbox.exchange.clock.set(clock.now().subtract(minutes=4).timestamp(), speed=0)
    worker.settle()
    carry_on(restored(app, clock, made, tmp_path), clock, minutes=8)
    assert [text.sid for text in at_twilio(sandbox)] == [now_as(message_id).sid]


def test_a_text_cancelled_after_the_backup_was_made_is_not_taken_for_one_that_left(
    app, clinic, worker, clock, sandbox, tmp_path
):
    message_id = a_text(clinic, clock.now(), in_minutes=600)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    worker.settle()
    take_back(message_id, clock.now())
    carry_on(worker, clock, minutes=1)
    carry_on(restored(app, clock, made, tmp_path), clock, minutes=8)
    assert now_as(message_id).state == "scheduled"
    assert [text.status for text in at_twilio(sandbox)] == ["canceled", "scheduled"]


def test_what_a_restored_database_believes_scheduled_is_asked_after(app, clinic, worker, clock, sandbox, tmp_path):
    message_id = a_text(clinic, clock.now(), in_minutes=600)
    worker.settle()
    made = backups.back_up(folder=tmp_path, now=clock.now())
    take_back(message_id, clock.now())
    carry_on(worker, clock, minutes=1)
    carry_on(restored(app, clock, made, tmp_path), clock, minutes=8)
    assert now_as(message_id).state == "cancelled"


def test_a_hold_ends_only_when_every_stranger_is_withdrawn_and_that_is_on_record(
    app, clinic, worker, clock, sandbox, tmp_path
):
    a_text(clinic, clock.now(), in_minutes=60)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    worker.settle()
    sandbox.exchange.store.add(a_copy(at_twilio(sandbox)[0], sid=FOREIGN, body="Elm Clinic: something else."))
    trouble(sandbox, {"kind": "error_before", "on": "update"})
    fresh = restored(app, clock, made, tmp_path)
    ghosts.decide(answer="withdraw", by=OPERATOR, now=clock.now())
    carry_on(fresh, clock, minutes=8)
    assert heart().hold_since is not None
    trouble(sandbox)
    carry_on(fresh, clock, minutes=3)
    assert (heart().hold_since, at_twilio(sandbox)[1].status) == (None, "canceled")
    assert db.session.scalars(select(Audit.subject).where(Audit.what == "hold.withdrew")).all() == [FOREIGN]


def test_a_worker_waits_as_long_for_a_hold_that_somebody_else_began(clinic, worker, clock):
    worker.settle()
    message_id = a_text(clinic, clock.now(), in_minutes=1)
    with transaction() as session:
        beat = session.get(Heartbeat, 1)
        beat.hold_since, beat.hold_from, beat.hold_why = clock.now(), clock.now(), "restored"
    carry_on(worker, clock, minutes=2)
    assert (now_as(message_id).state, heart().hold_since is None) == ("pending", False)
    carry_on(worker, clock, minutes=3)
    assert (now_as(message_id).state, heart().hold_since) == ("accepted", None)


def spooled(app, clinic, clock):
    """A text that was being handed over, and the spooled answer that Twilio took it; its spool."""
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    take_up([message_id], clock.now())
    assert intents.intend(ids=[message_id], now=clock.now(), **ME)[message_id]
    spool = Spool(app.extensions["settings"].data_path / "spool.jsonl")
    spool.add(Taken(message_id, 1, FOREIGN, "accepted", clock.now()))
    return message_id, spool


def test_an_answer_spooled_in_another_past_is_not_believed_of_an_attempt_of_this_one(app, clinic, worker, clock):
    worker.settle()
    message_id, _spool = spooled(app, clinic, clock)
    (app.extensions["settings"].data_path / "instance-id").write_text("another\n")
    Worker(app, monotonic=clock.monotonic).settle()
    assert now_as(message_id).sid is None


def test_a_spooled_answer_that_was_made_good_is_forgotten(app, clinic, worker, clock):
    worker.settle()
    message_id, spool = spooled(app, clinic, clock)
    Worker(app, monotonic=clock.monotonic).settle()
    assert (now_as(message_id).sid, spool.read()) == (FOREIGN, [])


class EndsMeanwhile:
    """A way to Twilio that breaks, after another worker has ended the hold meanwhile."""

    def __init__(self, sms, worker, clock):
        self._sms, self._worker, self._clock = sms, worker, clock

    def __getattr__(self, name):
        return getattr(self._sms, name)

    def list_since(self, since):
        with transaction() as session:
            session.get(Heartbeat, 1).hold_since = None
        self._clock.forward(seconds=15)
        self._worker.settle()
        raise SmsError("Twilio could not be reached")


def test_a_look_that_fails_after_the_hold_was_ended_does_not_begin_it_anew(app, clinic, worker, clock):
    worker.settle()
    a_text(clinic, clock.now(), in_minutes=60)
    clock.forward(minutes=12)
    away, looks = Worker(app, monotonic=clock.monotonic), []
    away.look(lambda step, *given: looks.append(step) if not given else None)
    away.safeguards.sms = EndsMeanwhile(app.extensions["sms"], away, clock)
    (look,) = [step for step in looks if step == away.safeguards._look]
    look()
    message_id = a_text(clinic, clock.now())
    away.settle()
    assert now_as(message_id).state == "accepted"


def test_a_parked_text_that_was_sent_anyway_after_the_backup_is_found_and_not_sent_again(
    app, clinic, worker, clock, sandbox, tmp_path
):
    parked = a_text(clinic, clock.now(), useful_minutes=600)
    with transaction() as session:
        session.execute(update(Message).values(state="needs_review", next_action_at=None))
    made = backups.back_up(folder=tmp_path, now=clock.now())
    parking.send_anyway(clinic_id=clinic.id, message_id=now_as(parked).public_id, by=ALICE, now=clock.now())
    carry_on(worker, clock, minutes=5)
    fresh = restored(app, clock, made, tmp_path)
    carry_on(fresh, clock, minutes=10)
    assert now_as(parked).sid == at_twilio(sandbox)[0].sid and now_as(parked).state in {"accepted", "delivered"}
    assert len(at_twilio(sandbox)) == 1
