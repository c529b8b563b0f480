"""Workers stopped for longer than lease, fence and resolver together, as a closed laptop or a moved machine does.

In most rounds two stop at named places, chiefly right before the first byte leaves; in every fifth round wherever they
are. They carry one text at a time: a worker stopped inside a transaction keeps all others waiting, and proves little.
"""

import dataclasses
import signal
import time

from tests.campaigns import desk, roles
from tests.campaigns.kills import a_third_goes_wrong
from tests.campaigns.world import World

# So long another worker takes to find an attempt overdue, to watch it by its own stopwatch, and to look twice.
RESOLVED_SECONDS = 150 + 150 + 60
AT_ONCE, ANYWHERE_EVERY = 2, 5
PLACES = (
    "before_first_byte",
    "after_intent",
    "before_first_byte",
    "after_answer",
    "before_intent",
    "before_first_byte",
)
QUICK = {"workers": 0, "web": False, "speed": 120, "longest_nap_seconds": 0.1}


def run(folder, *, seed=1, pauses=10, messages=300, store="sqlite", **world):
    """Pause so many times, each time with texts in flight; return the figures."""
    with World(folder, seed=seed, store=store, **{**QUICK, **world}) as trial:
        trial.faults(rules=a_third_goes_wrong(), latency_ms=20, callbacks={"lost": 1.0})
        long_enough_seconds = 1.4 * RESOLVED_SECONDS / trial.place.speed
        rounds, at_place = pauses // AT_ONCE, 0
        for number in range(rounds):
            anywhere = number % ANYWHERE_EVERY == ANYWHERE_EVERY - 1
            stopping = _prepare(trial, "" if anywhere else PLACES[number % len(PLACES)])
            trial.seed_texts(messages * (number + 1) // rounds - trial.seeded, {"now": 1})
            if anywhere:
                trial.nap(0, 0.4)
            else:
                at_place += sum(trial.has_stopped(worker, within_seconds=3) for worker in stopping)
            for worker in stopping:
                trial.stop(worker)
            trial.workers.append(trial.new_worker())
            time.sleep(trial.random.uniform(1, 1.3) * long_enough_seconds)
            for worker in stopping:
                trial.go_on(worker)
        trial.faults()
        trial.settle(until=desk.handed_over)
        figures = trial.verdict(lag=True)
        figures.more = {
            "pauses": rounds * AT_ONCE,
            "at_a_named_place": at_place,
            "seconds_each": round(long_enough_seconds, 1),
        }
        return figures


def _prepare(trial, place):
    """Start anew with workers that carry one text at a time; whoever was there ends."""
    while trial.workers:
        trial.end(trial.workers.pop())
    one_by_one = dataclasses.replace(trial.place, texts_in_flight=1)
    for _ in range(AT_ONCE):
        where = place and f"{place}:{trial.random.randint(1, 6)}"
        trial.workers.append(trial.fork(roles.play_worker, one_by_one, where, signal.SIGSTOP))
    return trial.workers[:]
