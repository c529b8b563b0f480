"""Older copies of the database put back while what was sent since is at Twilio: no text twice, no ghost stays."""

import time
from collections import Counter

from sqlalchemy import select

from reminder_site.actions import backups, ghosts
from reminder_site.db import db
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.models import Heartbeat
from tests.campaigns import desk
from tests.campaigns.figures import PARKED
from tests.campaigns.kills import a_third_goes_wrong
from tests.campaigns.world import World

SPREAD = {"now": 3, "soon": 1, "scheduled": 4}
HOLD_ENDS_WITHIN_SECONDS = 60


def run(folder, *, seed=1, restores=20, messages=2000, store="sqlite", **world):
    """Restore so many random older copies; return counts: `doubled`, `ghosts` and `stuck` must be 0."""
    with World(folder, seed=seed, store=store, **world) as trial:
        trial.faults(rules=a_third_goes_wrong(), callbacks={"lost": 0.2})
        copies, holds = [], []
        for _ in range(restores):
            for _ in range(2):
                trial.seed_texts(messages // restores // 2, SPREAD)
                trial.nap(0, 1)
                trial.take_back_some(3)
                copies.append(trial.ask(back_up, folder=folder / "backups"))
            trial.nap(0, 2)
            holds.append(_go_back(trial, trial.random.choice(copies[-4:])))
        trial.faults()
        trial.settle()
        trial.deliver_scheduled()
        return _told(trial, restores) | {"longest_hold_seconds": max(holds)}


def _go_back(trial, copy):
    """End all that serves, put the copy in place, start again, and wait until sending is no longer on hold."""
    trial.close_the_site()
    trial.reopen_the_site(first=restore, file=copy)
    trial.ids = [row["id"] for row in trial.ask(desk.ledger)]
    began = time.monotonic()
    while trial.ask(on_hold):
        if time.monotonic() - began > HOLD_ENDS_WITHIN_SECONDS:
            raise AssertionError(f"seed {trial.seed}: sending is still on hold: {trial.ask(on_hold)}")
        time.sleep(0.1)
    return round(time.monotonic() - began, 1)


def _told(trial, restores):
    ledger = trial.ask(desk.ledger)
    ours = {row["sid"] for row in ledger}
    texts = trial.tell("GET", "/_sandbox/messages?direction=outbound-api")["messages"]
    alive = [one for one in texts if one["status"] != "canceled"]
    times = Counter(one["body"] for one in alive)
    # What was cancelled after the copy was made is found cancelled at Twilio, and shown so.
    explained = PARKED | {states.CANCELLED}
    unsent = [row for row in ledger if row["wanted"] and row["state"] not in explained and not times[row["body"]]]
    return {
        "seed": trial.seed, "store": trial.store, "restores": restores, "messages": trial.seeded, "texts": len(texts),
        "doubled": [body for body, count in times.items() if count > 1],
        "ghosts": [one["body"] for one in alive if one["status"] == "scheduled" and one["sid"] not in ours],
        "lost": [(row["body"], row["state"]) for row in unsent],
        "states": dict(Counter(row["state"] for row in ledger)), "integrity": trial.ask(desk.integrity),
    }  # fmt: skip


def back_up(folder):
    """Copy the database while it is in use; return the copy (runs at the desk)."""
    return folder / backups.back_up(folder=folder, now=desk.now()).file


def restore(file):
    """Put a copy in the database's place, as `flask restore` and `flask hold --withdraw` do (runs at the desk)."""
    kept_in = DataFolder(desk.current_app.extensions["settings"].data_path)
    backups.restore(file=file, kept_in=kept_in, force=True, now=desk.now())
    ghosts.decide(answer="withdraw", by=OPERATOR, now=desk.now())


def on_hold():
    """Say why sending is on hold, or nothing (runs at the desk)."""
    beat = db.session.scalars(select(Heartbeat)).first()
    return beat.hold_why if beat and beat.hold_since else ""
