"""Many texts at once: decided together, written down together, and none of them in the way of another."""

from contextlib import contextmanager
from datetime import datetime
from threading import Barrier, Thread

import psycopg
import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import OperationalError

from reminder_site.actions import delivery, intents
from reminder_site.actions.delivery import Answer
from reminder_site.db import db, transaction
from reminder_site.domain.delivery import Outcome, Pace
from reminder_site.gateways.alarms import Alarms
from reminder_site.handing_over import Decided
from reminder_site.models import Attempt, Clinic, Message
from tests import factories
from tests.delivering import a_text, at_twilio, attempts, now_as, trouble
from tests.stores import postgres_url

LEFT = {"accepted", "sent", "delivered", "scheduled"}
MANY = 40
ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}


def leased(clinic, now, count):
    """Texts that this worker has taken up."""
    ids = [a_text(clinic, now, in_minutes=60) for _ in range(count)]
    take_up(ids, now)
    return ids


def take_up(ids, now, owner="me"):
    """Lease these texts to a worker."""
    with transaction() as session:
        lease = {"state": "leased", "lease_owner": owner, "lease_until": now.add(minutes=2)}
        session.execute(update(Message).where(Message.id.in_(ids)).values(**lease))


def at_once(work, each):
    """Do something for each, all at the same time."""
    threads = [Thread(target=work, args=(one,)) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def taken(intent, now):
    """Twilio's answer that it took a text."""
    return Answer(intent, Outcome("created", "taken", "taken", f"SM{intent.message_id:032x}", "scheduled"), now)


@contextmanager
def held(row_id, table="message"):
    """Somebody else works on a message, or another row, for as long as this lasts."""
    database = db.engine.url.database
    with psycopg.connect(postgres_url(), dbname=database) as other:
        other.execute(f"SELECT id FROM {table} WHERE id = %s FOR UPDATE", [row_id])
        yield


def test_many_texts_cost_a_few_statements_each(clinic, worker, clock, sandbox):
    trouble(sandbox)
    worker.settle()  # what is done with each heartbeat is not counted
    for _ in range(MANY):
        a_text(clinic, clock.now(), in_minutes=60)
    sent, commits = [], []
    counters = {"before_cursor_execute": lambda *told: sent.append(told), "commit": commits.append}
    for what, counter in counters.items():
        event.listen(db.engine, what, counter)
    try:
        worker.settle()
    finally:
        for what, counter in counters.items():
            event.remove(db.engine, what, counter)
    assert len(at_twilio(sandbox)) == MANY
    assert len(sent) < 5 * MANY
    assert len(commits) < 10


def test_two_to_one_number_leave_one_after_the_other_without_waiting(clinic, worker, clock, sandbox):
    ids = [a_text(clinic, clock.now(), to_e164="+12125550142", body=body) for body in ("First.", "Second.", "Third.")]
    worker.settle()
    assert {now_as(each).state for each in ids} <= LEFT
    assert [text.body for text in at_twilio(sandbox)] == ["First.", "Second.", "Third."]


def test_a_number_that_is_on_the_wire_holds_up_nobody_else(clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1))
    first = a_text(clinic, clock.now(), to_e164="+12125550142")
    worker.settle()
    assert now_as(first).state == "unknown"
    second = a_text(clinic, clock.now(), to_e164="+12125550142")
    others = [a_text(clinic, clock.now()) for _ in range(5)]
    worker.settle()
    assert (now_as(second).state, attempts(second)) == ("pending", [])
    assert {now_as(each).state for each in others} <= LEFT


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_who_decides_on_many_waits_for_nobody(app, clinic, now):
    ids = leased(clinic, now, 5)
    with held(ids[2]):
        decided = intents.intend(ids=ids, now=now, **ME)
        assert decided.keys() == {*ids} - {ids[2]}
        answers = [taken(intent, now) for intent in decided.values()]
    with held(ids[0]):
        assert delivery.record(answers=answers, pace=Pace()) == [answers[0]]
    assert delivery.record(answers=answers[:1], pace=Pace()) == []
    assert [now_as(each).state for each in ids] == ["scheduled", "scheduled", "leased", "scheduled", "scheduled"]


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_many_rather_go_one_by_one_than_wait_for_one_appointment(app, clinic, now):
    """The first text with a link to an appointment needs a look at it, which whoever answers for it holds."""
    appointment = factories.an_appointment(clinic, factories.a_patient(clinic), planned=False)
    ids = [a_text(clinic, now, in_minutes=60, body="{{link}}", appointment_id=appointment.id), *leased(clinic, now, 3)]
    take_up(ids, now)
    with held(appointment.id, "appointment"), pytest.raises(OperationalError, match="lock timeout"):
        intents.intend(ids=ids, now=now, **ME)
    assert None not in intents.intend(ids=ids, now=now, **ME).values()


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_two_workers_with_the_same_numbers_never_wait_in_a_circle(app, clinic, now, monkeypatch):
    numbers, met, told = ["+12125550142", "+12125550143"], Barrier(2), {}
    of_worker = {
        name: [a_text(clinic, now, in_minutes=60, to_e164=number) for number in order]
        for name, order in {"one": numbers, "two": numbers[::-1]}.items()
    }
    for name, ids in of_worker.items():
        take_up(ids, now, name)
    read = intents._Decision._read

    def read_both(decision, ids):
        messages = read(decision, ids)
        met.wait(10)
        return messages

    def decide(name):
        with app.app_context():
            told[name] = intents.intend(ids=of_worker[name], now=now, **ME | {"owner": name})

    monkeypatch.setattr(intents._Decision, "_read", read_both)
    monkeypatch.setattr(intents, "give_way", lambda session: None)
    at_once(decide, of_worker)
    assert sorted(map(len, told.values())) == [0, 2]


@pytest.mark.parametrize("order", ["opt-out first", "opt-out last"])
def test_an_opt_out_among_the_answers_takes_back_what_is_answered_with_it(clinic, now, order):
    patient = factories.a_patient(clinic)
    factories.an_appointment(clinic, patient, datetime(2026, 11, 20, 14, 30))
    old = db.session.scalar(select(func.max(Message.id)))
    take_up([old], now)
    decided = intents.intend(ids=[old], now=now, **ME)
    with transaction() as session:
        session.execute(update(Clinic).values(sender="MG" + "b" * 32))
    db.session.expire_all()
    factories.an_appointment(clinic, patient, datetime(2026, 11, 24, 14, 30))
    new = db.session.scalar(select(func.max(Message.id)))
    take_up([new], now)
    decided |= intents.intend(ids=[new], now=now, **ME)
    refused = Answer(decided[new], Outcome("refused", "suppress", "opted out", code=21610, http_status=400), now)
    answers = [refused, taken(decided[old], now)]
    for left in delivery.record(answers=answers if order == "opt-out first" else answers[::-1], pace=Pace()):
        delivery.record(answers=[left], pace=Pace())
    assert (now_as(new).state, now_as(old).state) == ("suppressed", "cancelling")


def test_texts_that_wait_together_ask_the_queue_once(clinic, now, monkeypatch):
    with transaction() as session:
        session.execute(update(Clinic).values(texting_on=False))
    ids, hints = leased(clinic, now, 5), []
    monkeypatch.setattr(Alarms, "in_seconds", lambda alarms, delay_seconds: hints.append(delay_seconds))
    assert set(intents.intend(ids=ids, now=now, **ME).values()) == {None}
    assert len(hints) == 1


def test_answers_that_come_in_together_are_each_written_once(app, clinic, worker, now):
    ids = leased(clinic, now, 24)
    decided = Decided(intents.intend(ids=ids, now=now, **ME), worker.monotonic())
    all_there, over = Barrier(len(ids)), worker.handing_over

    def create(*, to, **asked):
        all_there.wait(10)
        return Outcome("created", "taken", "taken", f"SM{int(to):032x}", "scheduled")

    def carry(message_id):
        with app.app_context():
            slip = over.send(message_id, decided)
            over.write_down()
            over.finish(slip)

    over.sms = type("Sms", (), {"create": staticmethod(create)})()
    at_once(carry, ids)
    assert {now_as(each).state for each in ids} == {"scheduled"}
    assert db.session.scalars(select(Attempt.outcome)).all() == ["created"] * len(ids)


def test_a_text_that_was_settled_meanwhile_is_not_looked_at_again(clinic, worker, clock):
    message_id = a_text(clinic, clock.now(), in_minutes=-300)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).next_action_at) == ("expired", None)
    delivery.stumble(message_id=message_id, words="something went wrong here: OSError", now=clock.now())
    assert (now_as(message_id).next_action_at, now_as(message_id).failures) == (None, 0)
