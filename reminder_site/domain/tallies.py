"""What is counted of texts, receipts, answers and tries to sign in, and under which labels. Pure; knows no table.

A label is never a person's, a number or an address: each comes from a short list, and what is on none is "other".
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final, get_args

from reminder_site.domain import answers, codes
from reminder_site.domain import message_state as states
from reminder_site.domain.segments import count as segments_of
from reminder_site.domain.times import seconds_between

Counts = Counter[tuple[str, str]]  # by what is counted and its labels, joined; sums are in it, too
OTHER: Final = "other"
KINDS: Final = ("reminder", "notice", "staff", "reply", "stopped", OTHER)
LANES: Final = ("0", "1")  # 0: what somebody waits for at this moment, 1: reminders
OUTCOMES: Final = ("created", "not_created", "refused", "unknown")
SIGN_INS: Final = ("right", "wrong")
REFUSAL_DOORS: Final = ("status", "inbound", OTHER)
REFUSAL_REASONS: Final = ("form", "signature", "account")
UNDERSTOOD: Final[tuple[str, ...]] = get_args(answers.Kind)

TEXTS, REQUESTS, REFUSED_BY_TWILIO, SEGMENTS = "texts", "requests", "codes", "segments"
RECEIPTS, INBOUND, SIGN_IN, REFUSED = "receipts", "inbound", "sign_ins", "refused"
REQUEST_SECONDS, HANDOVER_SECONDS, RECEIPT_SECONDS = "request_seconds", "handover_seconds", "receipt_seconds"
BOUNDS: Final[Mapping[str, tuple[float, ...]]] = {  # seconds
    REQUEST_SECONDS: (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
    HANDOVER_SECONDS: (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
    RECEIPT_SECONDS: (1, 5, 15, 60, 300, 900, 3600, 21_600),
}
SUM: Final = "sum"
SEPARATOR: Final = "|"


def label_of(*values: str) -> str:
    """Join the values of labels into one."""
    return SEPARATOR.join(values)


def one_of(known: Collection[str], value: str) -> str:
    """Return a value that stands in a list, or "other"."""
    return value if value in known else OTHER


def lane(kind: str) -> str:
    """Return in which lane texts of a kind leave."""
    return "1" if kind == "reminder" else "0"


def of_texts(row: Any) -> Counts:
    """Count so many texts of a kind that have come to a state."""
    return Counter({(TEXTS, label_of(one_of(KINDS, row.kind), row.state)): row.times})


def of_attempt(row: Any, link: str) -> Counts:
    """Count an attempt to hand a text over: its outcome, code and time, and what a text that was taken costs.

    `link` is as long as the links in texts.
    """
    found: Counts = Counter({(REQUESTS, label_of("create", row.outcome)): 1})
    if row.outcome_at is not None:
        _time(found, REQUEST_SECONDS, "", seconds_between(row.intent_at, row.outcome_at))
    if row.code:
        found[REFUSED_BY_TWILIO, str(row.code) if row.code in codes.KNOWN else OTHER] += 1
    if row.outcome == "created":
        kind = one_of(KINDS, row.kind)
        found[SEGMENTS, kind] += segments_of(row.body.replace("{{link}}", link)).segments
        if row.route == "local":
            due = max(row.send_at, row.created_at)
            _time(found, HANDOVER_SECONDS, lane(row.kind), seconds_between(due, row.outcome_at))
    return found


def of_receipt(row: Any) -> Counts:
    """Count a receipt, and how long after a text had left it says that it arrived."""
    found: Counts = Counter({(RECEIPTS, one_of(states.RANK, row.status)): 1})
    if row.status == "delivered" and row.send_at is not None:
        left_at = max(row.send_at, row.handed_at or row.send_at)
        _time(found, RECEIPT_SECONDS, "", seconds_between(left_at, row.received_at))
    return found


def of_inbound(row: Any) -> Counts:
    """Count so many of patients' texts by how they were understood."""
    return Counter({(INBOUND, one_of(UNDERSTOOD, row.understood)): row.times})


def of_sign_ins(row: Any) -> Counts:
    """Count so many tries to sign in."""
    return Counter({(SIGN_IN, SIGN_INS[not row.succeeded]): row.times})


def _time(found: Counts, name: str, label: str, seconds: float) -> None:
    bounds = BOUNDS[name]
    found[name, label_of(label, str(bisect_left(bounds, seconds)))] += 1
    found[name, label_of(label, SUM)] += max(0.0, seconds)  # type: ignore[assignment]
