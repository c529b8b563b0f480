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


TROUBLED = 0.7  # of the creates: of many in a row without an answer a worker makes an outage, which is another trial
ROUNDS = 12


def run(folder, *, seed=1, each=200, store="sqlite", kinds=KINDS, **world):
    """Let so many creates meet each kind of trouble; return the figures, with the troubles' own tally."""
    with World(folder, seed=seed, store=store, web=False, **{"texts_in_flight": 16, **world}) as trial:
        struck = _meet(trial, {kind: TIMES[kind] for kind in kinds if kind == STOPPING}, troubled=1)
        struck |= _meet(trial, {kind: each for kind in kinds if kind != STOPPING}, troubled=TROUBLED)
        figures = trial.verdict(lag=True)
        spared = [kind for kind in kinds if struck[kind] < TIMES.get(kind, each)]
        figures.more = {"struck": struck, "spared": spared}
        return figures


def _meet(trial, times, troubled):
    """Let creates meet each kind of trouble so many times, round by round; return the tally."""
    struck = dict.fromkeys(times, 0)
    for _ in range(ROUNDS):
        left = {kind: times[kind] - struck[kind] for kind in times if struck[kind] < times[kind]}
        if not left:
            break
        trial.faults(rules=_rules(left, troubled / len(left)), callbacks={"lost": 1.0})
        texts = sum(left.values())
        trial.seed_texts(10 + max(int(1.35 * texts), min(3 * texts, 150)), {"now": 3, "scheduled": 1})  # few rounds
        trial.settle(until=desk.handed_over)
        fired = trial.tell("GET", "/_sandbox/faults")["fired"]
        struck = {kind: count + fired.get(kind, 0) for kind, count in struck.items()}
    return struck


def _rules(left, share):
    """Return rules by which each kind strikes the same share of creates; the first that strikes spares the others."""
    return [
        {"kind": kind, "next": count, "probability": share / (1 - share * place), "seconds": 0.2, "retry_after": 1}
        for place, (kind, count) in enumerate(left.items())
    ]
