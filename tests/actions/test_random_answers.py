"""Random runs around answers in short, and the judge of them: nothing changes but what the phone was told last."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.campaigns.tellings import BEGINS, Run
from tests.campaigns.tellings_judge import Phone, Stands, must_act, why_not
from tests.stores import needed, postgres_url

TEN, LATER = BEGINS, BEGINS + timedelta(hours=1)
ASKED = "Elm Clinic: Ann, your appointment is Fri 6 Nov 2:05pm, 12 High St. Reply 1 = yes"
STANDS = Stands("Fri 6 Nov 2:05pm", "12 High St", "booked", "none", "", True, True)


@pytest.mark.slow
@pytest.mark.parametrize(("store", "seeds"), [("sqlite", (12, 14)), ("postgresql", (5,))])
def test_random_runs_change_nothing_but_what_the_phone_was_told(sites, sandbox, store, seeds):
    if store == "postgresql":
        needed(postgres_url(), "PostgreSQL")
    for seed in seeds:
        one = Run(sites(store), sandbox, seed)
        assert one.play() == [], "\n".join(one.log)
        assert one.tally["acted"]


def phone(*heard):
    one = Phone()
    for at, words in heard:
        one.hear(at, words)
    return one


def test_the_judge_lets_an_answer_count_for_what_was_told_last():
    assert why_not(phone((TEN, ASKED)), 5, STANDS, LATER) == ""
    assert must_act(phone((TEN, ASKED)), {5: STANDS}, LATER) == 5


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({"when": "Fri 6 Nov 4:05pm"}, []),
        ({"place": "9 Oak Rd"}, []),
        ({"mine": False}, []),
        ({"ahead": False}, []),
        ({"state": "cancelled", "cancelled_by": "clinic"}, []),
        ({}, [(LATER, ASKED.replace("2:05pm", "4:05pm"))]),
        ({}, [(TEN, "Elm Clinic: Ann, your appointment on Fri 6 Nov 2:05pm will not take place.")]),
        ({}, [(LATER - timedelta(minutes=14), ASKED.replace("2:05", "3:05")), (LATER - timedelta(minutes=1), ASKED)]),
    ],
)
def test_the_judge_lets_no_answer_count_for_anything_else(changed, more):
    assert why_not(phone((TEN, ASKED), *more), 5, replace(STANDS, **changed), LATER)


def test_the_judge_knows_which_questions_a_phone_takes_for_open():
    asked = phone((TEN, ASKED))
    assert asked.waits(5, LATER)
    asked.answered[5] = LATER
    assert not asked.waits(5, LATER)
    assert not phone((TEN, "Elm Clinic: thank you, see you Fri 6 Nov 2:05pm. reply 2 or 3")).waits(5, LATER)
    assert not phone((TEN, ASKED)).waits(5, TEN + timedelta(days=5))
