"""Every hint of the queue lost: the sweep alone has to find what is due. Redis emptied while texts go through."""

import time

from tests.campaigns import desk, stores
from tests.campaigns.kills import a_third_goes_wrong
from tests.campaigns.world import World

SWEEP_SECONDS = 15
WITHIN_SECONDS = 30
SPREAD = {"now": 3, "soon": 2}


def none_arrive(folder, *, seed=1, messages=60, seconds=25, sweep_seconds=SWEEP_SECONDS, spread=SPREAD, **world):
    """Drop all hints, let the worker nap as long as it does in earnest; `late_at_most_seconds` says what that cost."""
    quiet = {"hints": False, "longest_nap_seconds": sweep_seconds, "web": False}
    with World(folder, seed=seed, **{**quiet, **world}) as trial:
        trial.faults(callbacks={"lost": 1.0})
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            trial.seed_texts(max(1, messages // 5), spread)
            trial.nap(0, 2 * seconds / 5)
        _wait_until_handed_over(trial)
        figures = trial.verdict(lag=True)
        figures.more = {"hints": "none", **_lateness(trial)}
        return figures


def emptied(folder, *, seed=1, messages=400, times=20, store="sqlite", **world):
    """Empty the Redis that holds the hints so many times while texts go through; return the figures."""
    with World(folder, seed=seed, store=store, queue="redis", web=False, **world) as trial:
        trial.faults(rules=a_third_goes_wrong(), callbacks={"lost": 1.0})
        for number in range(times):
            trial.seed_texts(messages * (number + 1) // times - trial.seeded)
            trial.nap(0, 0.5)
            stores.flush(trial.place.queue_url)
        trial.faults()
        trial.settle(until=desk.handed_over)
        figures = trial.verdict(lag=True)
        figures.more = {"flushes": times}
        return figures


def _wait_until_handed_over(trial):
    """Wait without touching the clock: lateness is what is measured."""
    ends = time.monotonic() + 4 * WITHIN_SECONDS
    while trial.ask(desk.handed_over)["open"]:
        if time.monotonic() > ends:
            raise AssertionError(f"seed {trial.seed}: still waiting: {trial.ask(desk.handed_over)}")
        time.sleep(0.1)


def _lateness(trial):
    handed = [row for row in trial.ask(desk.ledger) if row["handed_at"]]
    late = sorted((row["handed_at"] - row["due_at"]).total_seconds() for row in handed)
    return {"late_at_most_seconds": round(late[-1], 1), "late_in_the_middle_seconds": round(late[len(late) // 2], 1)}
