"""What a text tells, and whether it is still true."""

from datetime import datetime

import pytest

from reminder_site.domain.told import asks, facts, facts_now, same, still_true

AT = datetime(2026, 11, 20, 14, 30)
VALUES = {
    "clinic": "Elm",
    "first_name": "Ann",
    "day": "Fri 20 Nov",
    "time": "2:30pm",
    "place": "12 High St",
    "phone": "555",
    "link": "x",
    "clinician": "Dr Lee",
}


def told(template="{{clinic}}: {{first_name}}, {{day}} {{time}}, {{place}}. {{phone}}"):
    return facts(template, VALUES, AT)


def test_only_what_a_wording_names_is_told():
    assert told("{{first_name}}, see you {{time}}. 1 = yes") == {"starts": "2026-11-20T14:30:00"}
    both = told("{{place}} {{phone}} {{clinician}}. Reply 1")
    assert both == {"place": "12 High St", "phone": "555", "clinician": "Dr Lee"}
    assert told("See you soon, {{first_name}}. Reply 3 if not") == {}


@pytest.mark.parametrize(
    ("template", "asked"),
    [("Reply 1 = yes", True), ("can't come? Reply 3.", True), ("{{day}} {{time}} is off", False),
     ("at 1:30 in room 12, 2nd floor", False)],
)  # fmt: skip
def test_a_text_asks_when_it_offers_a_digit_to_answer_with(template, asked):
    assert asks(told(template)) is asked
    assert asks(None)


def test_texts_tell_the_same_whatever_they_ask():
    assert same(told("{{time}}"), told("{{time}} Reply 1"))
    assert not same(told("{{time}}"), told("{{time}} {{place}}"))


@pytest.mark.parametrize("changed", [{"place": "14 High St"}, {"phone": "556"}, {"starts": datetime(2026, 11, 20, 15)}])
def test_whoever_was_told_something_that_is_otherwise_now_was_told_something_untrue(changed):
    at = changed.get("starts", AT)
    now = facts_now({**VALUES, **{name: value for name, value in changed.items() if name != "starts"}}, at)
    assert still_true(told(), facts_now(VALUES, AT))
    assert not still_true(told(), now)


@pytest.mark.parametrize("changed", [{"clinician": "Dr Ash"}, {"first_name": "Anne"}, {"clinic": "Elm Clinic"}])
def test_what_a_text_did_not_name_or_only_greets_with_makes_it_no_less_true(changed):
    assert still_true(told(), facts_now({**VALUES, **changed}, AT))


def test_a_text_that_did_not_note_what_it_tells_counts_as_untrue():
    assert not still_true(None, facts_now(VALUES, AT))
