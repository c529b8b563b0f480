"""The states of a message, which may follow which, and how Twilio's statuses rank. Pure."""

from typing import Final

PENDING, LEASED, SUBMITTING, UNKNOWN = "pending", "leased", "submitting", "unknown"
SCHEDULED, CANCELLING, ACCEPTED, SENT = "scheduled", "cancelling", "accepted", "sent"
UNDELIVERED, FAILED, DELIVERED, READ = "undelivered", "failed", "delivered", "read"
NEEDS_REVIEW, CANCELLED, SUPPRESSED, EXPIRED = "needs_review", "cancelled", "suppressed", "expired"

_OUTCOMES: Final = frozenset({SENT, DELIVERED, UNDELIVERED, FAILED, READ})
_ADOPTED: Final = frozenset({SCHEDULED, ACCEPTED, CANCELLED}) | _OUTCOMES

MAY_BECOME: Final[dict[str, frozenset[str]]] = {
    PENDING: frozenset({LEASED, CANCELLED, SUPPRESSED, EXPIRED, NEEDS_REVIEW}),
    LEASED: frozenset({SUBMITTING, PENDING, CANCELLED, SUPPRESSED, EXPIRED, NEEDS_REVIEW}),
    SUBMITTING: frozenset({PENDING, FAILED, SUPPRESSED, UNKNOWN}) | _ADOPTED,
    UNKNOWN: frozenset({PENDING, NEEDS_REVIEW}) | _ADOPTED,
    SCHEDULED: frozenset({CANCELLING, ACCEPTED, CANCELLED, NEEDS_REVIEW}) | _OUTCOMES,
    CANCELLING: frozenset({CANCELLED, ACCEPTED, NEEDS_REVIEW}) | _OUTCOMES,
    ACCEPTED: frozenset({CANCELLED}) | _OUTCOMES,
    SENT: frozenset({DELIVERED, UNDELIVERED, FAILED, READ}),
    UNDELIVERED: frozenset({DELIVERED, READ}),
    FAILED: frozenset({UNDELIVERED, DELIVERED, READ}),
    DELIVERED: frozenset({READ}),
    NEEDS_REVIEW: frozenset({PENDING, CANCELLING}) | _ADOPTED,
    CANCELLED: _OUTCOMES,
    READ: frozenset(),
    SUPPRESSED: frozenset(),
    EXPIRED: frozenset(),
}
STATES: Final = tuple(MAY_BECOME)
IN_FLIGHT: Final = frozenset({SUBMITTING, UNKNOWN})
HELD_HERE: Final = frozenset({PENDING, LEASED})
ARRIVED: Final = frozenset({DELIVERED, READ})
SETTLED: Final = frozenset({DELIVERED, READ, UNDELIVERED, FAILED, CANCELLED, SUPPRESSED, EXPIRED})

# Ranks make receipts a join-semilattice: whatever the order or repetition, the same state comes out.
RANK: Final = {
    "scheduled": 0,
    "accepted": 10,
    "queued": 20,
    "sending": 30,
    "canceled": 35,
    "sent": 40,
    "failed": 60,
    "undelivered": 70,
    "partially_delivered": 75,
    "delivered": 80,
    "read": 90,
}
STATE_OF: Final = {
    "scheduled": SCHEDULED,
    "accepted": ACCEPTED,
    "queued": ACCEPTED,
    "sending": ACCEPTED,
    "canceled": CANCELLED,
    "sent": SENT,
    "failed": FAILED,
    "undelivered": UNDELIVERED,
    "partially_delivered": DELIVERED,
    "delivered": DELIVERED,
    "read": READ,
}

WORDS: Final = {
    PENDING: "planned",
    LEASED: "about to leave",
    SUBMITTING: "handing to Twilio",
    UNKNOWN: "checking with Twilio",
    SCHEDULED: "scheduled at Twilio",
    CANCELLING: "being cancelled",
    ACCEPTED: "sending",
    SENT: "sent",
    UNDELIVERED: "not delivered",
    FAILED: "failed",
    DELIVERED: "delivered",
    READ: "read",
    NEEDS_REVIEW: "needs a person",
    CANCELLED: "cancelled",
    SUPPRESSED: "not sent: opted out",
    EXPIRED: "not sent: too late",
}


class IllegalTransition(ValueError):
    """A message was asked to go where its state machine does not let it."""


def check(state: str, to: str) -> None:
    """Raise IllegalTransition unless `to` may follow `state`."""
    if to not in MAY_BECOME[state]:
        raise IllegalTransition(f"{state} may not become {to}")


def sources_of(to: str) -> frozenset[str]:
    """Return every state from which `to` may be reached."""
    return frozenset(state for state, targets in MAY_BECOME.items() if to in targets)


def outranks(reported: str, rank: int) -> bool:
    """Say whether a reported Twilio status is news for a message that has already reached `rank`."""
    return RANK.get(reported, -1) > rank
