"""Random chains of desk, patient and trouble in short, the judge of them, and eight desks at once on PostgreSQL."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.campaigns import chains, desks
from tests.campaigns.chains_events import make_chain
from tests.campaigns.chains_judge import Heard, Press, Row, Standing, Story, judge
from tests.stores import needed, postgres_url

FIXED_SEEDS = range(1, 9)
ABOUT, PHONE, TEN = ("Carol", "00"), "+12125550142", datetime(2026, 11, 2, 10)
FRIDAY, MONDAY = "Fri 6 Nov 2:00pm", "Mon 9 Nov 2:00pm"
BOOKED = Standing(1, TEN, "book", True, FRIDAY, "", PHONE, True, False)
MOVED = replace(BOOKED, turn=5, at=TEN + timedelta(minutes=5), what="move", time=MONDAY)
CANCELLED = replace(BOOKED, turn=5, at=MOVED.at, what="cancel", booked=False, cancelled_by="clinic")
ASKING, TOLD = "Elm: Carol, we expect you {}", "Elm: Carol, your appointment on {} will not take place"
EARLY = Heard(3, 2, TEN + timedelta(minutes=2), PHONE, ASKING.format(FRIDAY), False)
LATER = Heard(8, 7, TEN + timedelta(hours=1), PHONE, ASKING.format(FRIDAY), False)
ROW = Row(ABOUT, ASKING.format(FRIDAY), "scheduled", True, "SM1", datetime(2026, 11, 5), True, False)


def broken(*standings, heard=(), **more):
    """Judge a story about one appointment; return the rules that broke."""
    story = Story({ABOUT: list(standings)}, list(heard), **more)
    story.ends_at, story.starts_at = datetime(2026, 11, 2, 20), {ABOUT: datetime(2026, 11, 6, 14)}
    return {rule for rule, _ in judge(story)}


def test_a_text_that_was_true_as_it_left_breaks_nothing():
    assert broken(BOOKED, heard=[EARLY]) == set()
    assert broken(BOOKED, CANCELLED, heard=[EARLY, replace(LATER, words=TOLD.format(FRIDAY))]) == set()


def test_a_text_that_was_on_the_wire_as_the_desk_acted_is_excused():
    on_the_wire = replace(EARLY, turn=6, at=MOVED.at)
    told = replace(LATER, words="Elm: Carol, your new time is " + MONDAY)
    assert broken(BOOKED, MOVED, heard=[on_the_wire, told]) == set()
    assert broken(BOOKED, MOVED, heard=[on_the_wire]) == {"a"}


def test_a_text_that_twilio_would_not_call_back_is_excused_in_its_last_minute_only():
    held = replace(LATER, held=True, too_late=True, at=CANCELLED.at + timedelta(seconds=60))
    silent = replace(CANCELLED, silent=True)
    assert broken(BOOKED, silent, heard=[held]) == set()
    assert broken(BOOKED, silent, heard=[replace(held, at=held.at + timedelta(seconds=1))]) == {"b"}
    assert broken(BOOKED, silent, heard=[replace(held, too_late=False)]) == {"b"}


def test_a_text_about_a_cancelled_or_moved_appointment_breaks():
    assert broken(BOOKED, CANCELLED, heard=[LATER]) == {"a", "b"}
    assert broken(BOOKED, MOVED, heard=[LATER]) == {"a", "b"}
    assert broken(BOOKED, heard=[replace(LATER, words=TOLD.format(FRIDAY))]) == {"a", "b"}


def test_a_text_to_an_old_number_or_to_somebody_who_wants_none_breaks():
    assert broken(BOOKED, replace(MOVED, what="number", time=FRIDAY, phone="+12125550143"), heard=[LATER]) == {"e"}
    assert broken(BOOKED, replace(MOVED, what="opt", time=FRIDAY, may_text=False), heard=[LATER]) == {"e"}


def test_what_is_heard_twice_breaks_unless_a_person_sent_another_one():
    assert broken(BOOKED, heard=[EARLY, LATER]) == {"c"}
    assert broken(BOOKED, heard=[EARLY, replace(LATER, at=EARLY.at + timedelta(hours=12))]) == set()
    press = Press(7, LATER.at, ABOUT, LATER.words, TEN + timedelta(days=2))
    assert broken(BOOKED, heard=[EARLY, LATER], presses=[press]) == set()
    at_its_own_time = replace(LATER, turn=9, decided=9, held=True, at=LATER.at + timedelta(seconds=20))
    both = {"heard": [LATER, at_its_own_time], "presses": [replace(press, planned_at=at_its_own_time.at)]}
    assert broken(BOOKED, **both) == {"c"}


def test_a_press_on_another_reminder_of_the_same_words_calls_for_a_text_of_its_own():
    first = replace(EARLY, turn=6, decided=6, held=True, too_late=True, at=LATER.at - timedelta(minutes=2))
    too_late = Press(5, first.at - timedelta(seconds=5), ABOUT, first.words, planned_at=first.at)
    another = Press(7, LATER.at, ABOUT, LATER.words, planned_at=TEN + timedelta(days=2))
    assert broken(BOOKED, heard=[first, LATER], presses=[too_late, another]) == set()
    assert broken(BOOKED, heard=[first, LATER], presses=[too_late]) == {"c"}


def test_a_press_calls_for_one_text_however_late_and_for_no_more():
    press = Press(7, LATER.at, ABOUT, LATER.words, TEN + timedelta(days=2))
    late = replace(LATER, turn=20, decided=20, at=LATER.at + timedelta(hours=2))
    assert broken(BOOKED, heard=[EARLY, late], presses=[press]) == set()
    again = replace(late, turn=21, decided=21, at=late.at + timedelta(minutes=1))
    assert broken(BOOKED, heard=[EARLY, late, again], presses=[press]) == {"c"}


def test_a_text_that_names_another_place_is_news():
    old, new = (
        replace(one, words=f"{one.words}, {place}.") for one, place in ((EARLY, "12 High St"), (LATER, "2 Low Rd"))
    )
    assert broken(BOOKED, heard=[old, new]) == set()
    assert broken(BOOKED, heard=[old, replace(new, words=old.words)]) == {"c"}


def test_what_is_left_over_breaks():
    assert broken(BOOKED, rows=[ROW], scheduled={"SM1": ROW.words}) == set()
    assert broken(BOOKED, rows=[ROW]) == {"d"}
    assert broken(BOOKED, scheduled={"SM2": "a text"}) == {"d"}
    assert broken(BOOKED, CANCELLED, rows=[ROW], scheduled={"SM1": ROW.words}) == {"d"}
    assert broken(BOOKED, rows=[replace(ROW, state="pending", has_next_look=False)]) == {"g"}
    assert broken(BOOKED, rows=[replace(ROW, state="needs_review")]) == {"g"}
    assert broken(BOOKED, errors=["a deadlock"]) == {"f"}


@pytest.mark.slow
def test_chains_of_a_desk_a_patient_and_trouble_end_in_the_truth(sites, sandbox):
    site = sites("sqlite")
    for seed in FIXED_SEEDS:
        chain = make_chain(seed)
        story, log, found = chains.play(site, sandbox, chain)
        assert not found, chains.report(chain, (story, log, found))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_history(sites, sandbox):
    chain = make_chain(26)
    first, second = (chains.play(sites("sqlite"), sandbox, chain) for _ in range(2))
    assert (first[1], first[0].heard) == (second[1], second[0].heard)


@pytest.mark.slow
def test_eight_desks_and_two_workers_lose_nothing_and_hear_of_no_lock(sites, sandbox):
    needed(postgres_url(), "PostgreSQL")
    told = desks.meet(sites("postgresql"), sandbox, seed=1, seconds=2, quiet_minutes=12)
    assert (told["errors"], told["lost"], told["cancelled_but_live"]) == ([], [], []), told
    assert told["actions"] > 0
