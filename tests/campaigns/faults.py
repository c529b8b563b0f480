"""Every kind of trouble the sandbox knows, each met by so many creates, with every callback lost as well."""

from tests.campaigns import desk
from tests.campaigns.world import World

KINDS = (
    "error_before", "reset_before", "rate_limit_429", "html_503", "unauthorised", "late_accept",
    "error_after", "reset_after", "garbage_201", "truncated_201", "no_sid_201", "slow_then_ok",
)  # fmt: skip
# A refused account stops everything; it is tried again with one text a minute, so a few refusals go a long way.
TIMES = {"unauthorised": 3}


def run(folder, *, seed=1, each=200, store="sqlite", kinds=KINDS, **world):
    """Let so many creates meet each kind of trouble; return the figures, with the troubles' own tally."""
    rules = [{"kind": kind, "next": TIMES.get(kind, each), "seconds": 0.2, "retry_after": 1} for kind in kinds]
    with World(folder, seed=seed, store=store, web=False, **{"texts_in_flight": 16, **world}) as trial:
        trial.faults(rules=rules, callbacks={"lost": 1.0})
        trial.seed_texts(each * len(kinds), {"now": 3, "scheduled": 1})
        trial.settle(until=desk.handed_over)
        struck = trial.tell("GET", "/_sandbox/faults")["fired"]
        trial.settle(until=desk.handed_over)
        figures = trial.verdict(lag=True)
        figures.more = {"struck": {kind: struck.get(kind, 0) for kind in kinds}}
        return figures
