"""A process that dies at a named place of the protocol: a worker, the web process or the desk, at every such place.

The places belong to scenes, each of which brings about what leads there for certain, whatever the seed.
"""

import dataclasses

from reminder_site.failpoints import NAMES
from tests.campaigns import desk, roles
from tests.campaigns.kills import AMBIGUOUS
from tests.campaigns.world import World
from tests.refusing import allow, refuse

AWAY_SECONDS, POLL_SECONDS = 320, 125
TWINS = 10
SPREAD = {"now": 2, "scheduled": 2}
DEATH_WITHIN_SECONDS = 30
LEAVING = (
    "in_lease", "leased", "before_intent", "in_intent", "after_intent", "before_first_byte", "after_first_byte",
    "after_answer", "before_record", "in_record", "after_record",
)  # fmt: skip
CLEARING_UP = ("before_resolve", "after_list", "in_adoption", "after_adoption", "in_absence", "after_absence")
SILENT = {"callbacks": {"lost": 1.0}}


def run(folder, *, seed=1, rounds=1, scenes="all", store="sqlite", **world):
    """Let a process die at each fail-point of the scenes, mostly at the first to third time it comes by.

    Returns the figures; `scenes` are "all" or "few".
    """
    with World(folder, seed=seed, store=store, workers=0, web=False, **world) as trial:
        played, there_are = SCENES[scenes]
        died = dict.fromkeys(sorted(there_are), 0)
        for _ in range(rounds):
            for scene in played:
                for point, there in scene(trial).items():
                    died[point] += there
        trial.faults()
        trial.workers = [trial.new_worker()]
        trial.settle(until=desk.handed_over)
        trial.deliver_scheduled()
        figures = trial.verdict()
        figures.more = {"died": died, "never_reached": [point for point, there in died.items() if there < rounds]}
        return figures


def _leave(trial):
    """Texts leave, and nothing goes wrong but the worker."""
    trial.faults(**SILENT)
    return _die(trial, *LEAVING, more=_seed)


def _clear_up(trial):
    """Of many texts nobody hears whether they were taken, and they are cleared up; some were."""
    kinds = {trial.random.choice(AMBIGUOUS): 0.25, "error_before": 0.2}
    trial.faults(rules=[{"kind": kind, "probability": p, "seconds": 0.2} for kind, p in kinds.items()], **SILENT)
    return _die(trial, *CLEARING_UP, more=_seed)


def _hold(trial):
    """The workers that have just died are found to have been away for a while."""
    trial.faults(**SILENT)
    _seed(trial)
    trial.jump(trial.ask(desk.now).add(seconds=AWAY_SECONDS))
    return _die(trial, "after_hold_list", "before_release", times=1)


def _take_back(trial):
    """A worker puts all in order; Twilio then has twins of some texts. Alice cancels others, and some are polled."""
    worker = trial.new_worker()
    trial.settle(until=desk.handed_over)
    trial.faults(rules=[{"kind": "error_after", "next": TWINS}], list_staleness_s=600.0, **SILENT)
    trial.seed_texts(TWINS, {"scheduled": 1})
    trial.settle(until=desk.handed_over)
    trial.faults(**SILENT)
    _seed_and_settle(trial)
    while not trial.ask(desk.to_be_polled):  # a machine that stalls makes texts late, and their back-offs are minutes
        _seed_and_settle(trial)
    trial.end(worker)
    hint = _die_at_the_desk(trial, "before_hint")
    cancels = _die(trial, "before_cancel", "after_cancel", times=1, at_once=1)  # first: who polls cancels, too
    trial.jump(trial.ask(desk.now).add(seconds=POLL_SECONDS))
    return hint | cancels | _die(trial, "before_poll", "after_poll", times=1, at_once=1)


def _sweep(trial):
    """The hour of the scheduled texts draws near, and twins of some are there."""
    trial.jump(trial.ask(desk.sweeps_at))
    trial.ask(desk.beat)
    return _die(trial, "before_sweep", "after_sweep_list", "before_twin", "after_twin", times=1, at_once=1)


def _spool(trial):
    """The database takes no answers for a while. One text at a time: of two, one may be spooled as the other dies."""
    trial.ask(refuse)
    _seed(trial)
    died = _die(trial, "before_spool", more=_seed, times=1, at_once=1)
    died |= _die(trial, "after_spool", more=_seed, times=1, at_once=1)
    trial.ask(allow)
    return died | _die(trial, "spool_recorded", times=1)


def _receive(trial):
    """Receipts come in while a worker goes on."""
    trial.faults()
    died, worker = {}, trial.new_worker()
    for point in ("in_receipt", "after_receipt"):
        web = trial.fork(roles.play_web, trial.place, f"{point}:{trial.random.randint(1, 3)}")
        died[point] = trial.dies(web, DEATH_WITHIN_SECONDS, lambda: _seed(trial))
    trial.settle(until=desk.handed_over)
    trial.catch_up()
    trial.end(worker)
    return died


def _die(trial, *points, more=lambda _: None, times=3, at_once=8):
    """Start a worker for each place, and say of each whether it died there; `more` brings more that leads there."""
    place = dataclasses.replace(trial.place, texts_in_flight=at_once)
    named = {point: f"{point}:{trial.random.randint(1, times)}" for point in points}
    mortal = {point: trial.fork(roles.play_worker, place, name) for point, name in named.items()}
    return {point: trial.dies(one, DEATH_WITHIN_SECONDS, lambda: more(trial)) for point, one in mortal.items()}


def _die_at_the_desk(trial, point):
    """Have a desk that dies at a place cancel texts that Twilio holds; then open another."""
    scheduled = [row["id"] for row in trial.ask(desk.ledger) if row["state"] == "scheduled" and row["wanted"]]
    trial.end(trial.desk)
    trial.open_desk(point)
    trial.desk_pipe.send((desk.take_back, {"ids": scheduled[-6:]}))
    died = trial.dies(trial.desk, DEATH_WITHIN_SECONDS)
    trial.open_desk()
    return {point: died}


def _seed(trial):
    """Put texts in the outbox if few are waiting there; what a dead worker holds, or a sweep is due for, does not."""
    if trial.ask(desk.waiting) < 8:
        trial.seed_texts(8, SPREAD)


def _seed_and_settle(trial):
    trial.seed_texts(10, SPREAD)
    trial.settle(until=desk.handed_over)


FEW = frozenset(LEAVING) | {"after_hold_list", "before_release", "in_receipt", "after_receipt"}
SCENES = {
    "all": ((_leave, _clear_up, _hold, _take_back, _sweep, _spool, _receive), NAMES),
    "few": ((_leave, _hold, _receive), FEW),
}
