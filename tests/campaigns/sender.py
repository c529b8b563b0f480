"""Twilio takes nothing from a sender for a day while texts come due: none is given up, who was not told is listed."""

import time

from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.models import Message, SenderPause
from reminder_site.queries import parked
from tests.campaigns import desk
from tests.campaigns.outage import make_useless
from tests.campaigns.world import World

HOURS = 24
BROKEN = [{"kind": "sender_missing", "on": "create", "probability": 1.0}]
NOTICED_WITHIN_SECONDS = 30
ENDED = frozenset({states.FAILED, states.UNDELIVERED, states.SUPPRESSED, states.CANCELLED})


def run(folder, *, seed=1, messages=1000, steps=96, store="sqlite", **world):
    """Let texts wait for a broken sender, a third of them until they are of no use; return the figures.

    `given_up` counts texts that ended for it, `untold` those of no use that stand in no list with their number.
    """
    with World(folder, seed=seed, store=store, web=False, **world) as trial:
        trial.faults(rules=BROKEN, callbacks={"lost": 1.0})
        ids = trial.seed_texts(messages, {"now": 1})
        began = trial.ask(desk.now)
        trial.ask(make_useless, ids=ids[::3], at=began.add(hours=HOURS / 2))
        _wait_until_noticed(trial)
        for step in range(1, steps + 1):
            trial.jump(began.add(minutes=HOURS * 60 * step // steps))
        trial.faults(callbacks={"lost": 1.0})
        trial.settle(until=desk.handed_over)
        figures, listed = trial.verdict(lag=True), trial.ask(missed, clinic_id=trial.clinic_id)
        useless = {row["id"] for row in trial.ask(desk.ledger) if row["state"] == states.EXPIRED}
        figures.more = {
            "hours": HOURS,
            "tries": trial.ask(desk.attempts) - figures.texts,
            "left": figures.texts,
            "listed": len(listed),
            "given_up": sum(figures.states.get(state, 0) for state in ENDED),
            "untold": len(useless ^ set(listed)),
            "still_paused": trial.ask(pauses),
        }
        return figures


def missed(clinic_id):
    """Return the ids of the texts in the list of those who have to be told, which name a number (at a desk)."""
    named = {one.id for one in parked.missed(clinic_id=clinic_id) if one.phone_e164 and one.body}
    found = db.session.query(Message.id, Message.public_id).filter(Message.public_id.in_(named))
    return [message_id for message_id, _ in found]


def pauses():
    """Return how many senders pause (at a desk)."""
    return db.session.query(SenderPause).count()


def _wait_until_noticed(trial):
    ends = time.monotonic() + NOTICED_WITHIN_SECONDS
    while not trial.ask(pauses):
        if time.monotonic() > ends:
            raise AssertionError(f"seed {trial.seed}: no sender pauses")
        time.sleep(0.05)
