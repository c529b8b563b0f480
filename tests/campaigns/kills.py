"""Random `kill -9` of workers and the web process while texts come in, are cancelled, and many creates go wrong."""

import time

from tests.campaigns.world import World

QUICK_SECONDS, SLOW_SECONDS = 0.2, 3.0
KINDS = (
    "error_before", "reset_before", "rate_limit_429", "html_503", "late_accept",
    "error_after", "reset_after", "garbage_201", "truncated_201", "no_sid_201", "slow_then_ok",
)  # fmt: skip
AMBIGUOUS = ("error_after", "reset_after", "garbage_201", "truncated_201", "no_sid_201", "slow_then_ok")


def a_third_goes_wrong():
    """Return rules by which 34 % of creates, and a few of everything else, meet some trouble."""
    share = 1 - (1 - 0.34) ** (1 / len(KINDS))
    rules = [{"kind": kind, "probability": share, "seconds": QUICK_SECONDS} for kind in KINDS]
    rules += [{"kind": kind, "on": on, "probability": 0.02} for on in ("list", "fetch", "update")
              for kind in ("error_before", "reset_before", "error_after")]  # fmt: skip
    return rules


def run(folder, *, seed=1, kills=60, messages=500, store="sqlite", cancel_share=0.1, lost_callbacks=0.15, **world):
    """Kill so many times while so many texts go through; return the figures."""
    with World(folder, seed=seed, store=store, **world) as trial:
        trial.faults(rules=a_third_goes_wrong(), callbacks={"lost": lost_callbacks, "doubled": 0.1, "shuffled": 0.1})
        for number in range(kills):
            trial.seed_texts(messages * (number + 1) // kills - trial.seeded)
            if trial.random.random() < messages * cancel_share / kills / 5:
                trial.take_back_some(5)
            time.sleep(trial.random.uniform(0.02, 0.2))
            trial.kill_one()
        trial.faults()
        trial.settle()
        trial.deliver_scheduled()
        return trial.verdict()
