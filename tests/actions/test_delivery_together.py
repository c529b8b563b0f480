"""Many texts at once: decided together, written down together, and none of them in the way of another."""

from contextlib import contextmanager
from threading import Barrier, Thread

import psycopg
import pytest
from sqlalchemy import event, select, update

from reminder_site.actions import delivery, intents
from reminder_site.actions.delivery import Answer
from reminder_site.db import db, transaction
from reminder_site.domain.delivery import Outcome, Pace
from reminder_site.handing_over import Decided
from reminder_site.models import Attempt, Message
from tests.delivering import a_text, at_twilio, attempts, now_as, trouble
from tests.stores import postgres_url

LEFT = {"accepted", "sent", "delivered", "scheduled"}
MANY = 40
ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}


def leased(clinic, now, count):
    """Texts that this worker has taken up."""
    ids = [a_text(clinic, now, in_minutes=60) for _ in range(count)]
    with transaction() as session:
        taken = {"state": "leased", "lease_owner": "me", "lease_until": now.add(minutes=2)}
        session.execute(update(Message).where(Message.id.in_(ids)).values(**taken))
    return ids


def taken(intent, now):
    """Twilio's answer that it took a text."""
    return Answer(intent, Outcome("created", "taken", "taken", f"SM{intent.message_id:032x}", "scheduled"), now)


@contextmanager
def held(message_id):
    """Somebody else works on a message for as long as this lasts."""
    database = db.engine.url.database
    with psycopg.connect(postgres_url(), dbname=database) as other:
        other.execute("SELECT id FROM message WHERE id = %s FOR UPDATE", [message_id])
        yield


def test_many_texts_cost_a_few_statements_each(clinic, worker, clock, sandbox):
    trouble(sandbox)
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
    threads = [Thread(target=carry, args=(each,)) for each in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {now_as(each).state for each in ids} == {"scheduled"}
    assert db.session.scalars(select(Attempt.outcome)).all() == ["created"] * len(ids)


def test_a_text_that_was_settled_meanwhile_is_not_looked_at_again(clinic, worker, clock):
    message_id = a_text(clinic, clock.now(), in_minutes=-300)
    worker.settle()
    assert (now_as(message_id).state, now_as(message_id).next_action_at) == ("expired", None)
    delivery.stumble(message_id=message_id, words="something went wrong here: OSError", now=clock.now())
    assert (now_as(message_id).next_action_at, now_as(message_id).failures) == (None, 0)
