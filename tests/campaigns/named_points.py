"""A worker that dies at a named place of the protocol, for every such place and several seeds."""

from reminder_site.failpoints import NAMES
from tests.campaigns import desk
from tests.campaigns.kills import AMBIGUOUS
from tests.campaigns.world import World

POLL_SECONDS = 125
SPREAD = {"now": 2, "scheduled": 2}
CANCELS, LOOKS, POLLS = (
    ("before_cancel", "after_cancel"),
    ("before_resolve", "after_list"),
    ("before_poll", "after_poll"),
)


def run(folder, *, seed=1, rounds=1, messages=6, store="sqlite", **world):
    """Let a worker die at each fail-point, at the first to third time it comes by; return the figures."""
    with World(folder, seed=seed, store=store, workers=0, web=False, **{"speed": 120, **world}) as trial:
        trial.workers = [trial.new_worker()]
        trial.seed_texts(2 * len(NAMES), SPREAD)
        trial.faults(callbacks={"lost": 1.0})
        trial.settle(until=desk.handed_over)
        trial.end(trial.workers.pop())
        died = dict.fromkeys(sorted(NAMES), 0)
        for point in [point for _ in range(rounds) for point in died]:
            died[point] += _die_there(trial, point, messages)
        trial.faults()
        trial.workers = [trial.new_worker()]
        trial.settle(until=desk.handed_over)
        figures = trial.verdict(lag=True)
        figures.more = {"died": died, "never_reached": [point for point, there in died.items() if not there]}
        return figures


def _die_there(trial, point, messages):
    """Bring about what leads to the place, start a worker that dies there, and say whether it did."""
    kind = trial.random.choice(AMBIGUOUS)
    trial.faults(
        rules=[{"kind": kind, "probability": 0.9 if point in LOOKS else 0.3, "seconds": 0.2}], callbacks={"lost": 1.0}
    )
    trial.seed_texts(messages, SPREAD)
    if point in CANCELS:
        scheduled = [row["id"] for row in trial.ask(desk.ledger) if row["state"] == "scheduled"]
        trial.ask(desk.take_back, ids=scheduled[:3])
    if point in POLLS:
        trial.jump(trial.ask(desk.now).add(seconds=POLL_SECONDS))
    worker = trial.new_worker(f"{point}:{trial.random.randint(1, 1 if point in CANCELS + POLLS + LOOKS else 3)}")
    died = trial.bring_about(worker)
    trial.kills += died
    trial.end(worker)
    return died
