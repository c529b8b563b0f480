"""Rules say when they send, and one that never could says so."""

from dataclasses import replace
from datetime import time

import pytest

from reminder_site.domain.quiet_hours import QuietHours
from reminder_site.domain.rules import DEFAULT_RULES, HOSPITAL_RULES, Rule, never_fires

HOURS = Rule("h", "Hours before", "hours_before", hours=2)
DAYS = Rule("d", "Days before", "days_before", days=1, at=time(10))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (DAYS, "1 day before, at 10:00 am"),
        (replace(DAYS, days=3), "3 days before, at 10:00 am"),
        (replace(DAYS, days=0, at=time(8)), "on the day, at 8:00 am"),
        (HOURS, "2 hours before"),
        (replace(HOURS, hours=1), "1 hour before"),
        (DEFAULT_RULES[0], "right after booking, once the time to undo has passed"),
    ],
)
def test_a_rule_says_when_it_sends(rule, words):
    assert rule.words() == words


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        (replace(HOURS, hours=0), "at least 1 hour"),
        (replace(HOURS, min_lead_minutes=180), "later than 180 min before"),
        (replace(DAYS, days=-1), "after the appointment"),
        (replace(DAYS, at=None), "time of day"),
        (replace(DAYS, days=0, at=time(19)), "texts stop at 7:00 pm"),
        (replace(DAYS, days=0, at=time(18), min_lead_minutes=360), "starts 360 min or more"),
    ],
)
def test_a_rule_that_never_fires_says_why(rule, part):
    assert part in never_fires(rule, QuietHours())


@pytest.mark.parametrize(
    "rule",
    [
        *DEFAULT_RULES,
        *HOSPITAL_RULES,
        replace(HOURS, hours=1),
        replace(DAYS, days=0, at=time(18, 59)),
        replace(DAYS, at=time(23)),
    ],
)
def test_a_rule_that_can_fire_is_left_alone(rule):
    assert never_fires(rule, QuietHours()) is None


def test_an_evening_rule_on_the_day_can_fire_where_texts_go_out_until_midnight():
    assert never_fires(replace(DAYS, days=0, at=time(22)), QuietHours(closes=time(0))) is None


def test_the_presets_are_the_ones_that_were_proved():
    assert [(rule.days, rule.at, rule.asks) for rule in DEFAULT_RULES if rule.kind == "days_before"] == [
        (3, time(10), "always"),
        (1, time(10), "if_unconfirmed"),
    ]
    assert not DEFAULT_RULES[-1].enabled
    assert [rule.days for rule in HOSPITAL_RULES] == [0, 7, 2]
