"""Which state may follow which: compared, pair by pair, with the table the protocol was designed with."""

import itertools
import random

import pytest

from reminder_site.domain import message_state as states

# The protocol's own table: 67 of 256 ordered pairs. The site allows thirteen more, each for a reason given below.
PROTOCOL = {
    "pending": "leased cancelled suppressed expired",
    "leased": "submitting pending cancelled suppressed expired",
    "submitting": "scheduled accepted pending failed suppressed unknown",
    "unknown": "scheduled accepted sent delivered undelivered failed cancelled pending needs_review",
    "scheduled": "cancelling accepted sent delivered undelivered failed cancelled needs_review",
    "cancelling": "cancelled accepted sent delivered undelivered failed needs_review",
    "accepted": "sent delivered undelivered failed cancelled",
    "sent": "delivered undelivered failed read",
    "undelivered": "delivered read",
    "failed": "delivered read undelivered",
    "delivered": "read",
    "needs_review": "pending cancelled scheduled accepted sent delivered undelivered failed",
    "cancelled": "sent delivered undelivered failed read",
    "read": "",
    "suppressed": "",
    "expired": "",
}
# A row nobody can get past is parked before it has ever been handed over.
POISON = {("pending", "needs_review"), ("leased", "needs_review")}
# A receipt may overtake the answer to its own create, by any number of steps.
OVERTAKEN = {("submitting", to) for to in ("sent", "delivered", "undelivered", "cancelled", "read")}
# A parked text that Twilio has is asked back like any other, once nobody wants it any more.
ASKED_BACK = {("needs_review", "cancelling")}
# "Read" may be the first news of a text (WhatsApp), wherever it stood.
READ_FIRST = {(state, "read") for state in ("unknown", "scheduled", "cancelling", "accepted", "needs_review")}

protocol = {(state, to) for state, targets in PROTOCOL.items() for to in targets.split()}
ours = {(state, to) for state, targets in states.MAY_BECOME.items() for to in targets}
REPORTED = list(states.RANK)


def test_the_states_are_the_sixteen_of_the_protocol():
    assert set(states.STATES) == set(PROTOCOL)
    assert len(states.STATES) == 16


def test_every_pair_of_the_protocol_and_thirteen_more_are_legal():
    assert len(protocol) == 67
    assert ours - protocol == POISON | OVERTAKEN | READ_FIRST | ASKED_BACK
    assert protocol - ours == set()
    assert len(ours) == 80


@pytest.mark.parametrize(("state", "to"), sorted(itertools.product(PROTOCOL, repeat=2)))
def test_check_lets_through_exactly_the_legal_pairs(state, to):
    if (state, to) in protocol | POISON | OVERTAKEN | READ_FIRST | ASKED_BACK:
        states.check(state, to)
    else:
        with pytest.raises(states.IllegalTransition, match=f"{state} may not become {to}"):
            states.check(state, to)


@pytest.mark.parametrize(
    ("state", "to"),
    [("submitting", "leased"), ("unknown", "submitting"), ("unknown", "leased")]
    + [(state, "pending") for state in ("scheduled", "cancelling", "accepted", "sent", "delivered", "cancelled")],
)
def test_what_may_exist_at_twilio_is_never_handed_over_again(state, to):
    with pytest.raises(states.IllegalTransition):
        states.check(state, to)


@pytest.mark.parametrize("to", states.STATES)
def test_sources_are_the_table_read_backwards(to):
    assert states.sources_of(to) == {state for state in states.STATES if (state, to) in ours}


def test_ranks_are_the_protocols_and_each_status_has_a_state():
    assert REPORTED == "scheduled accepted queued sending canceled sent failed undelivered".split() + [
        "partially_delivered",
        "delivered",
        "read",
    ]
    assert list(states.RANK.values()) == [0, 10, 20, 30, 35, 40, 60, 70, 75, 80, 90]
    assert set(states.STATE_OF) == set(states.RANK)
    assert set(states.WORDS) == set(states.STATES)


def test_only_higher_news_is_news_and_an_unknown_word_is_none():
    for reported, rank in itertools.product(REPORTED, states.RANK.values()):
        assert states.outranks(reported, rank) == (states.RANK[reported] > rank)
    assert not states.outranks("teleported", -1)


def test_any_order_of_receipts_climbs_to_the_highest_by_legal_steps():
    dice = random.Random(7)
    for _ in range(2000):
        heard = dice.choices(REPORTED, k=dice.randint(1, 12))
        state, rank = dice.choice(["submitting", "unknown", "needs_review"]), -1
        for reported in heard:
            if states.outranks(reported, rank):
                rank, to = states.RANK[reported], states.STATE_OF[reported]
                assert to == state or (state, to) in ours, (heard, state, to)
                state = to
        assert state == states.STATE_OF[max(heard, key=states.RANK.get)]
