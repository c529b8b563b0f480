"""Every kind of trouble the sandbox knows, each met by so many creates, with every callback lost as well."""

from tests.campaigns import desk
from tests.campaigns.world import World

KINDS = (
    "error_before", "reset_before", "rate_limit_429", "html_503", "unauthorised", "late_accept",
    "error_after", "reset_after", "garbage_201", "truncated_201", "no_sid_201", "slow_then_ok",
)  # fmt: skip
# A refused account stops everything, and is tried again with one text a minute: a few refusals, met by a few texts.
STOPPING = "unauthorised"
TIMES = {STOPPING: 3}


def run(folder, *, seed=1, each=200, store="sqlite", kinds=KINDS, **world):
    """Let so many creates meet each kind of trouble; return the figures, with the troubles' own tally."""
    with World(folder, seed=seed, store=store, web=False, **{"texts_in_flight": 16, **world}) as trial:
        struck = _meet(trial, [kind for kind in kinds if kind == STOPPING], each, texts=10)
        others = [kind for kind in kinds if kind != STOPPING]
        struck |= _meet(trial, others, each, texts=each * len(kinds) - trial.seeded)
        figures = trial.verdict(lag=True)
        figures.more = {"struck": {kind: struck.get(kind, 0) for kind in kinds}}
        return figures


def _meet(trial, kinds, each, texts):
    """Let creates meet these kinds of trouble until each has struck as often as it should; return the tally."""
    rules = [{"kind": kind, "next": TIMES.get(kind, each), "seconds": 0.2, "retry_after": 1} for kind in kinds]
    trial.faults(rules=rules, callbacks={"lost": 1.0})
    trial.seed_texts(texts, {"now": 3, "scheduled": 1})
    trial.settle(until=desk.handed_over)
    return trial.tell("GET", "/_sandbox/faults")["fired"]
