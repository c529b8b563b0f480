"""What a campaign counts, and how the two sides are compared: the sandbox, which cannot lie, and the site's ledger."""

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field

from reminder_site.domain import message_state as states

PARKED = frozenset({states.NEEDS_REVIEW, states.EXPIRED, states.SUPPRESSED, states.FAILED})


@dataclass
class Figures:
    """The outcome of one campaign; the first five must be nothing, and `integrity` "ok"."""

    lost: int
    duplicated: int
    cancelled_but_live: int
    untrue: int
    strangers: int
    integrity: str
    parked: int
    messages: int
    texts: int
    kills: int
    seconds: float
    seed: int
    store: str
    states: dict = field(default_factory=dict)
    examples: list = field(default_factory=list)
    more: dict = field(default_factory=dict)

    @property
    def clean(self):
        """Whether every promise was kept."""
        counts = (self.lost, self.duplicated, self.cancelled_but_live, self.untrue, self.strangers)
        return not any(counts) and self.integrity == "ok"

    def as_dict(self):
        """Return plain values, for the report."""
        return asdict(self)


def judge(ledger, texts, *, lag=False):
    """Count what was lost, doubled, or is not as the ledger says; `texts` are what the sandbox holds.

    With `lag` the ledger may be behind on what became of a text after Twilio took it.
    """
    by_body, counts, examples = defaultdict(list), Counter(), []
    for one in texts:
        by_body[one["body"]].append(one)
    for row in ledger:
        held = by_body.pop(row["body"], [])
        for fault in _faults(row, [one for one in held if one["status"] != "canceled"], held, lag):
            counts[fault] += 1
            examples.append((fault, row, [(one["sid"], one["status"], one["created_at"]) for one in held]))
    wrong = {name: counts[name] for name in ("lost", "duplicated", "cancelled_but_live", "untrue")}
    return wrong | {
        "strangers": sum(map(len, by_body.values())),
        "parked": sum(row["state"] in PARKED for row in ledger),
        "messages": len(ledger),
        "states": dict(Counter(row["state"] for row in ledger)),
        "examples": examples[:5],
    }


def _faults(row, live, held, lag):
    if len(live) > 1:
        yield "duplicated"
    if row["wanted"] and not live and row["state"] not in PARKED:
        yield "lost"
    if row["state"] == states.CANCELLED and live or not row["wanted"] and any(t["status"] == "scheduled" for t in live):
        yield "cancelled_but_live"
    told = {one["sid"]: states.STATE_OF[one["status"]] for one in held}
    behind = lag and row["state"] in {states.SCHEDULED, states.ACCEPTED, states.SENT} and row["sid"] in told
    wrong = row["sid"] and told.get(row["sid"]) != row["state"] and not behind
    may_have_twins = row["state"] == states.CANCELLED and row["ever_unknown"]
    restless = row["state"] in states.SETTLED and row["next_action_at"] and not may_have_twins
    if restless or wrong or live and row["sid"] not in {one["sid"] for one in live}:
        yield "untrue"
