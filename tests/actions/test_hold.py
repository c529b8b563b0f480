"""The hold: a worker that was away, or a database that went back in time, texts nobody twice and leaves no ghost."""

import random
from collections import Counter

import pytest
from flask_migrate import upgrade
from sqlalchemy import select, update

from reminder_site.actions import backups, ghosts
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.audit_seal import Head
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.gateways.sms import SmsError
from reminder_site.models import Audit, Clinic, Heartbeat, Message
from reminder_site.worker import Worker
from tests import factories
from tests.delivering import a_text, at_twilio, carry_on, heart, history, now_as, slowed_at, take_back, trouble
from tests.refusing import allow, refuse

TEXTS, SOON_MINUTES, FAR_MINUTES = 30, 40, 20 * 24 * 60


@pytest.fixture
def kept(app):
    return DataFolder(app.extensions["settings"].data_path)


def a_new_worker(app, clock):
    return Worker(app, monotonic=clock.monotonic)


def text_many(clinic, clock, draw, name):
    """Put texts in the outbox: due now, soon and far, each with words of its own."""
    minutes = [draw.choice([0, draw.randint(1, SOON_MINUTES), draw.randint(60, FAR_MINUTES)]) for _ in range(TEXTS)]
    return [
        a_text(clinic, clock.now(), in_minutes=m, useful_minutes=600, body=f"Elm Clinic: see you soon, {name}-{n}.")
        for n, m in enumerate(minutes)
    ]


def restored(app, clock, made, folder):
    """Put a backup in place, as an operator does; return the worker that is started on it."""
    clock.forward(seconds=90)
    kept_in = DataFolder(app.extensions["settings"].data_path)
    backups.restore(file=folder / made.file, kept_in=kept_in, force=False, now=clock.now())
    upgrade(revision="head")
    return a_new_worker(app, clock)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_restored_backup_texts_nobody_twice_and_leaves_no_ghost(app, clinic, worker, clock, sandbox, tmp_path, seed):
    draw = random.Random(seed)
    trouble(sandbox)
    first = text_many(clinic, clock, draw, "before")
    carry_on(worker, clock, minutes=draw.randint(0, 3))
    made = backups.back_up(folder=tmp_path, now=clock.now())
    later = text_many(clinic, clock, draw, "after")
    carry_on(worker, clock, minutes=draw.randint(1, 6))
    for message_id in draw.sample(first + later, 8):
        take_back(message_id, clock.now())
    carry_on(worker, clock, minutes=draw.randint(1, 40), step_seconds=60)
    fresh = restored(app, clock, made, tmp_path)
    ghosts.decide(answer="withdraw", by=OPERATOR, now=clock.now())
    carry_on(fresh, clock, minutes=6)
    carry_on(fresh, clock, minutes=60, step_seconds=120)
    alive = [m for m in at_twilio(sandbox) if m.status != "canceled"]
    assert not [body for body, times in Counter(m.body for m in alive).items() if times > 1]
    db.session.rollback()
    ours = {m.sid: m for m in db.session.scalars(select(Message))}
    assert not [m.body for m in alive if m.status == "scheduled" and m.sid not in ours]
    assert not [m.body for m in ours.values() if m.state in {"pending", "leased", "submitting", "unknown", "expired"}]
    assert heart().hold_since is None
    withdrawn = {m.sid for m in at_twilio(sandbox) if m.status == "canceled"} - set(ours)
    whole = audited()
    assert whole[-1] == ("hold.ended", "sending")
    noted = {sid for what, sid in whole if what == "hold.withdrew"}
    assert noted and noted <= withdrawn


def audited():
    """What the audit says of holds, in order."""
    holds = select(Audit.what, Audit.subject).where(Audit.what.like("hold.%")).order_by(Audit.id)
    return [tuple(row) for row in db.session.execute(holds)]


def test_that_sending_is_on_hold_is_in_the_audit(app, worker, clock, sandbox):
    worker.settle()
    clock.forward(minutes=10)
    a_new_worker(app, clock).settle()
    assert audited()[0] == ("hold.began", "sending")


def test_what_left_after_the_backup_is_adopted_with_its_link(app, clinic, worker, clock, sandbox, client, tmp_path):
    trouble(sandbox)
    patient = factories.a_patient(clinic)
    theirs = {"appointment_id": factories.an_appointment(clinic, patient, planned=False).id, "patient_id": patient.id}
    message_id = a_text(clinic, clock.now(), to_e164=patient.phone_e164, body="See you: {{link}}", **theirs)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    carry_on(worker, clock, minutes=4)
    (sent,) = at_twilio(sandbox)
    link = sent.body.removeprefix("See you: http://localhost")
    assert client.get(link).status_code == 200
    fresh = restored(app, clock, made, tmp_path)
    assert client.get(link).status_code == 404
    carry_on(fresh, clock, minutes=6)
    assert now_as(message_id).sid == sent.sid and len(at_twilio(sandbox)) == 1
    assert "found at Twilio: it had been texted before" in history(message_id)
    assert client.get(link).status_code == 200


def test_a_restored_site_waits_until_late_answers_must_show(app, clinic, worker, clock, sandbox, tmp_path):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now())
    worker.settle()
    made = backups.back_up(folder=tmp_path, now=clock.now())
    fresh = restored(app, clock, made, tmp_path)
    clock.forward(seconds=15)
    other = a_text(db.session.get(Clinic, clinic.id), clock.now())
    carry_on(fresh, clock, minutes=2)
    assert now_as(other).state == "pending" and now_as(other).state_why == "waiting: sending is on hold"
    carry_on(fresh, clock, minutes=1)
    assert now_as(other).sid and now_as(message_id).sid and len(at_twilio(sandbox)) == 2


def test_texts_of_others_are_neither_adopted_nor_withdrawn(app, clinic, worker, clock, sandbox, tmp_path):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    worker.settle()
    (mine,) = at_twilio(sandbox)
    foreign = {"service_sid": "MG" + "f" * 32, "recipient": mine.recipient, "status": "scheduled"}
    sandbox.exchange.store.add(a_copy(mine, sid="SM" + "a" * 32, **foreign))
    sandbox.exchange.store.add(a_copy(mine, sid="SM" + "b" * 32, body="Elm Clinic: something else."))
    fresh = restored(app, clock, made, tmp_path)
    ghosts.decide(answer="withdraw", by=OPERATOR, now=clock.now())
    carry_on(fresh, clock, minutes=6)
    assert now_as(message_id).sid == mine.sid
    assert [m.status for m in at_twilio(sandbox)] == ["scheduled", "scheduled", "canceled"]


def a_copy(message, **changes):
    fields = {name: getattr(message, name) for name in message.__slots__}
    return type(message)(**fields | changes)


def test_a_worker_that_was_away_asks_first_and_then_sends(app, clinic, worker, clock, sandbox):
    worker.settle()
    message_id = a_text(clinic, clock.now(), in_minutes=10)
    clock.forward(minutes=12)
    fresh = a_new_worker(app, clock)
    fresh.settle()
    assert heart().hold_why == "the worker was away for a while" and not at_twilio(sandbox)
    carry_on(fresh, clock, minutes=1.5)
    assert now_as(message_id).state == "accepted" and heart().hold_since is None


def test_a_hold_ends_although_twilio_stumbles_at_every_fourth_question(app, clinic, worker, clock, sandbox):
    worker.settle()
    ids = [a_text(clinic, clock.now(), in_minutes=10) for _ in range(30)]
    clock.forward(minutes=12)
    trouble(sandbox, {"kind": "error_before", "on": "list", "probability": 0.25})
    carry_on(a_new_worker(app, clock), clock, minutes=6)
    assert heart().hold_since is None
    assert {now_as(message_id).state for message_id in ids} == {"delivered"}


def test_a_worker_that_was_away_with_nothing_to_send_holds_nothing(app, worker, clock, sandbox):
    worker.settle()
    clock.forward(hours=60)
    a_new_worker(app, clock).settle()
    assert heart().hold_since is None


def test_a_quick_restart_holds_nothing(app, clinic, worker, clock, sandbox):
    worker.settle()
    message_id = a_text(clinic, clock.now(), in_minutes=4)
    clock.forward(minutes=4)
    a_new_worker(app, clock).settle()
    assert now_as(message_id).state == "accepted"


@pytest.mark.parametrize("mark", ["another id", "a newer audit", "another audit"])
def test_a_database_that_is_not_the_one_last_seen_here_is_on_hold(app, clinic, worker, clock, sandbox, kept, mark):
    a_text(clinic, clock.now(), in_minutes=60)
    worker.settle()
    clock.forward(seconds=15)
    worker.settle()
    number = kept.audit_head().number
    assert number > 0 and kept.instance_id() == heart().instance_id
    if mark == "another id":
        kept.keep_instance_id("another")
    else:
        kept.keep_audit_head(Head(number + (mark == "a newer audit"), "f" * 64))
    message_id = a_text(clinic, clock.now())
    fresh = a_new_worker(app, clock)
    carry_on(fresh, clock, minutes=2)
    assert now_as(message_id).state == "pending" and heart().hold_since is not None
    carry_on(fresh, clock, minutes=2)
    assert now_as(message_id).state == "accepted"
    assert kept.instance_id() == heart().instance_id


def test_a_new_database_in_an_old_folder_begins_at_once(app, clinic, worker, clock, sandbox, kept):
    kept.keep_audit_head(Head(500, "f" * 64))
    kept.keep_instance_id("of the one before")
    message_id = a_text(clinic, clock.now())
    worker.settle()
    assert now_as(message_id).state == "accepted"


def test_while_twilio_cannot_be_asked_nothing_leaves(app, clinic, worker, clock, sandbox):
    worker.settle()
    message_id = a_text(clinic, clock.now(), in_minutes=10)
    clock.forward(minutes=30)
    trouble(sandbox, {"kind": "error_before", "on": "list"})
    fresh = a_new_worker(app, clock)
    carry_on(fresh, clock, minutes=10, step_seconds=60)
    assert now_as(message_id).state == "pending" and heart().hold_since is not None
    trouble(sandbox)
    carry_on(fresh, clock, minutes=4, step_seconds=30)
    assert now_as(message_id).sid is not None


def test_a_hold_that_is_over_reads_as_well_again(app, clock, now):
    with transaction() as session:
        session.add(Heartbeat(id=1, beat_at=now, hold_since=now, hold_from=now, hold_why="restored"))
    fresh = a_new_worker(app, clock)
    carry_on(fresh, clock, minutes=4)
    assert heart().hold_why == "" and heart().hold_from is None


def test_a_data_folder_that_cannot_be_written_stops_no_text(app, clinic, worker, clock, sandbox, kept):
    kept.path.write_text("a file where a folder should be")
    message_id = a_text(clinic, clock.now())
    try:
        worker.settle()
    finally:
        kept.path.unlink()
    assert now_as(message_id).state == "accepted"


class Counting:
    """A way to Twilio that counts what is asked by number, and answers some of it otherwise."""

    def __init__(self, sms, refuses=(), code=None, slow_down=False):
        self._sms, self._refuses, self._code, self.asked, self._slow_down = sms, refuses, code, [], slow_down

    def list_to(self, to):
        self.asked.append(to)
        if to in self._refuses:
            raise SmsError("Twilio answered with an error", permanent=self._code is not None, code=self._code,
                           slow_down=self._slow_down)  # fmt: skip
        return self._sms.list_to(to)

    def __getattr__(self, name):
        return getattr(self._sms, name)


def away(app, clock, minutes, **how):
    """A worker that begins after the site was off for so long, and counts what it asks by number."""
    clock.forward(minutes=minutes)
    fresh = a_new_worker(app, clock)
    fresh.safeguards.sms = Counting(fresh.sms, **how)
    return fresh


def test_six_minutes_off_ask_for_no_number_whose_text_was_not_due(app, clinic, worker, clock, sandbox):
    worker.settle()
    for _ in range(300):
        a_text(clinic, clock.now(), in_minutes=100 * 24 * 60)
    soon = a_text(clinic, clock.now(), in_minutes=8)
    fresh = away(app, clock, 6)
    carry_on(fresh, clock, minutes=2)
    assert fresh.safeguards.sms.asked == [] and heart().hold_since is None
    carry_on(fresh, clock, minutes=2)
    assert now_as(soon).state in {"accepted", "delivered"}


def test_a_number_whose_text_was_due_is_asked_for_at_each_look(app, clinic, worker, clock, sandbox):
    worker.settle()
    due = a_text(clinic, clock.now(), in_minutes=4)
    a_text(clinic, clock.now(), in_minutes=100 * 24 * 60)
    fresh = away(app, clock, 6)
    carry_on(fresh, clock, minutes=2)
    assert fresh.safeguards.sms.asked == [now_as(due).to_e164] * 2


def test_a_number_twilio_refuses_to_look_for_holds_nothing_up(app, clinic, worker, clock, sandbox):
    worker.settle()
    bad = a_text(clinic, clock.now(), in_minutes=4)
    fresh = away(app, clock, 6, refuses={now_as(bad).to_e164}, code=21211)
    carry_on(fresh, clock, minutes=2)
    assert heart().hold_since is None


@pytest.mark.parametrize("code", [None, 20003, 20404])
def test_a_number_that_cannot_be_asked_for_keeps_the_hold_and_what_others_said_counts(
    app, clinic, worker, clock, sandbox, code
):
    worker.settle()
    trouble(sandbox, ("error_after", 1), list_staleness_s=0)
    taken, other = a_text(clinic, clock.now()), a_text(clinic, clock.now(), in_minutes=4)
    worker.settle(limit=1)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == taken).values(state="pending", next_action_at=clock.now()))
    fresh = away(app, clock, 6, refuses={now_as(other).to_e164}, code=code)
    carry_on(fresh, clock, minutes=10)
    assert (now_as(taken).sid, now_as(other).sid) == (at_twilio(sandbox)[0].sid, None)
    assert heart().hold_since is not None
    fresh.safeguards.sms = fresh.sms
    carry_on(fresh, clock, minutes=2)
    assert heart().hold_since is None
    carry_on(fresh, clock, minutes=1)
    assert now_as(other).sid is not None


def test_holds_long_before_a_text_leaves_do_not_end_the_questions_after_it(app, clinic, worker, clock, sandbox, kept):
    trouble(sandbox, carrier={"*": {"status": "sent"}})
    message_id = a_text(clinic, clock.now(), in_minutes=20 * 24 * 60)
    worker.settle()
    for _ in range(6):
        clock.forward(hours=1)
        kept.keep_instance_id("another")
        carry_on(a_new_worker(app, clock), clock, minutes=6)
        assert heart().hold_since is None
    assert (now_as(message_id).polls, now_as(message_id).next_action_at) == (
        0,
        now_as(message_id).send_at.add(minutes=2),
    )


def test_a_hold_that_is_asked_to_slow_down_asks_no_more_in_that_look(app, clinic, worker, clock, sandbox):
    worker.settle()
    ids = [a_text(clinic, clock.now(), in_minutes=4) for _ in range(5)]
    fresh = away(app, clock, 6, refuses={now_as(m).to_e164 for m in ids}, slow_down=True)
    fresh.settle()
    assert len(fresh.safeguards.sms.asked) == 1
    assert slowed_at() == clock.now()
    assert heart().hold_since is not None


def test_a_text_that_cannot_be_adopted_keeps_no_other_on_hold(app, clinic, worker, clock, sandbox, tmp_path):
    poison, other = (a_text(clinic, clock.now(), in_minutes=1, body=f"Elm Clinic: see you, {n}.") for n in "12")
    made = backups.back_up(folder=tmp_path, now=clock.now())
    carry_on(worker, clock, minutes=2)
    fresh = restored(app, clock, made, tmp_path)
    refuse("UPDATE OF sid ON message", when=f"NEW.id = {poison} AND NEW.sid IS NOT NULL")
    carry_on(fresh, clock, minutes=6)
    assert heart().hold_since is None and now_as(other).sid
    allow()
    carry_on(fresh, clock, minutes=90, step_seconds=120)
    assert (now_as(poison).state, len(at_twilio(sandbox))) == ("needs_review", 2)
    assert now_as(poison).state_why == "Twilio has this text already, but that could not be written down here"
