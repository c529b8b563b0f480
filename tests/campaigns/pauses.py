"""Workers stopped for longer than lease, fence and resolver together, as a closed laptop or a moved machine does.

Most stop at named places, four at once, chiefly right before the fence is asked, and go on afterwards. Every fifth
stops wherever it is, perhaps right behind the fence: that one is to end before it goes on. All carry one text at a
time: a worker stopped inside a transaction keeps all others waiting, and proves little.
"""

import dataclasses
import signal
import time
from itertools import cycle

from tests.campaigns import desk, roles
from tests.campaigns.kills import a_third_goes_wrong
from tests.campaigns.world import World

# So long another worker takes to find an attempt overdue, to watch it by its own stopwatch, and to look twice.
RESOLVED_SECONDS = 150 + 150 + 60
AT_PLACES, ANYWHERE, ANYWHERE_EVERY = 4, 2, 5
PLACES = (
    "before_first_byte",
    "after_intent",
    "before_first_byte",
    "after_answer",
    "before_intent",
    "before_first_byte",
)
QUICK = {"workers": 0, "web": False, "speed": 100}


def run(folder, *, seed=1, pauses=10, messages=300, store="sqlite", **world):
    """Pause so many times, each time with texts in flight; return the figures."""
    with World(folder, seed=seed, store=store, **{**QUICK, **world}) as trial:
        trial.faults(rules=a_third_goes_wrong(), latency_ms=20, callbacks={"lost": 1.0})
        long_enough_seconds = 1.4 * RESOLVED_SECONDS / trial.place.speed
        rounds, at_place, ended = _rounds(pauses), 0, 0
        for number, places in enumerate(rounds):
            stopping = _prepare(trial, places)
            trial.seed_texts(messages * (number + 1) // len(rounds) - trial.seeded, {"now": 1})
            if any(places):
                at_place += sum(trial.has_stopped(worker, within_seconds=15) for worker in stopping)
            else:
                assert all(trial.is_guarded(worker, within_seconds=20) for worker in stopping)
                trial.nap(0, 0.4)
            for worker in stopping:
                trial.stop(worker)
            trial.workers.append(trial.new_worker())
            time.sleep(trial.random.uniform(1, 1.3) * long_enough_seconds)
            for worker in stopping:
                trial.go_on(worker)
            if not any(places):
                ended += sum(trial.ends(worker, within_seconds=10) for worker in stopping)
        trial.faults()
        trial.settle(until=desk.handed_over)
        figures = trial.verdict(lag=True)
        figures.more = {
            "pauses": sum(map(len, rounds)),
            "at_a_named_place": at_place,
            "ended_instead": ended,
            "seconds_each": round(long_enough_seconds, 1),
        }
        return figures


def _rounds(pauses):
    """Say for each round where its workers stop: at these places, or, where no place is named, anywhere."""
    anywhere = pauses // ANYWHERE_EVERY
    named = [place for place, _ in zip(cycle(PLACES), range(pauses - anywhere), strict=False)]
    rounds = [named[first : first + AT_PLACES] for first in range(0, len(named), AT_PLACES)]
    return rounds + [[""] * min(ANYWHERE, anywhere - first) for first in range(0, anywhere, ANYWHERE)]


def _prepare(trial, places):
    """Start anew with workers that carry one text at a time; whoever was there ends."""
    while trial.workers:
        trial.end(trial.workers.pop())
    one_by_one = dataclasses.replace(trial.place, texts_in_flight=1, ends_after_standing_still=not any(places))
    for place in places:
        where = place and f"{place}:{trial.random.randint(1, 6)}"
        trial.workers.append(trial.fork(roles.play_worker, one_by_one, where, signal.SIGSTOP))
    return trial.workers[:]
