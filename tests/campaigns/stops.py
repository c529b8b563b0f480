"""Patients who text STOP while their reminders wait, are on their way, or lie at Twilio: nothing leaves afterwards."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pendulum
from sqlalchemy import select

from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.models import Attempt, Message, OptOut
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID, SENDER_NUMBER
from tests.campaigns import desk
from tests.campaigns.world import World

EACH, AT_ONCE, BATCH = 3, 8, 100


def run(folder, *, seed=1, patients=1000, store="sqlite", **world):
    """Let so many patients with three reminders each say STOP at random moments; return the figures."""
    with World(folder, seed=seed, store=store, **world) as trial:
        numbers = [f"+1{desk.NUMBERS_FROM + n}" for n in range(patients)]
        stored = {}
        with ThreadPoolExecutor(AT_ONCE) as phones:
            for first in range(0, patients, BATCH):
                some = numbers[first : first + BATCH]
                trial.ask(remind, clinic_id=trial.clinic_id, numbers=some)
                trial.nap(0, 5)
                trial.random.shuffle(some)
                stored |= dict(phones.map(lambda number: _say_stop(trial, number), some))
        trial.settle()
        figures = trial.verdict()
        held = Counter(one["to"] for one in trial.tell("GET", "/_sandbox/messages?status=scheduled")["messages"])
        figures.more = trial.ask(aftermath, stored=stored) | {
            "still_scheduled": sum(held[number] for number in numbers)
        }
        return figures


def _say_stop(trial, number):
    """Text STOP; return the number and the moment by which the site had stored it."""
    answer = trial.tell("POST", "/_sandbox/inbound", {"from": number, "to": SENDER_NUMBER, "body": "STOP"})
    assert answer["webhook"]["status"] == 200, answer
    return number, pendulum.now("UTC")


def remind(clinic_id, numbers):
    """Plan three texts for each number: two for Twilio to keep, one that leaves here in a few seconds."""
    at = desk.now()
    with transaction() as session:
        for number in numbers:
            for which, ahead in enumerate({"seconds": 3, "minutes": 40, "days": 3}.items()):
                send_at = at.add(**dict([ahead]))
                desk.add_message(
                    session, by=desk.ALICE, now=at, clinic_id=clinic_id, kind="notice", channel="sms", to_e164=number,
                    dedupe_key=f"stop:{number}:{which}", sender=MESSAGING_SERVICE_SID, send_at=send_at,
                    body=f"Elm Clinic: see you soon, {number}-{which}", useful_until=send_at.add(days=2),
                )  # fmt: skip


def aftermath(stored):
    """Say what was still decided after a STOP was stored, and how long taking back took (runs at the desk)."""
    stopped = dict(map(tuple, db.session.execute(select(OptOut.e164, OptOut.started_at)).all()))
    decided = db.session.execute(
        select(Message.to_e164, Attempt.intent_at).join(Attempt, Attempt.message_id == Message.id)
    )
    rows = db.session.execute(
        select(Message.to_e164, Message.state, Message.wanted, Message.sid, Message.finished_at)
    ).all()
    back = [(r.finished_at - stopped[r.to_e164]).total_seconds() for r in rows if r.state == states.CANCELLED and r.sid]
    back.sort()
    return {
        "stopped": len(stopped),
        "decided_after_stop": sum(intent_at > stored[number] for number, intent_at in decided),
        "withdrawn_at_twilio": len(back),
        "p99_seconds": round(back[int(len(back) * 0.99)], 1) if back else 0.0,
    }
