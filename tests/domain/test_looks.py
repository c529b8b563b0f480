"""When a text is looked at again: known moments after it left, ever rarer after failures, in time while it counts."""

import pendulum
import pytest

from reminder_site.domain import looks

SEND_AT = pendulum.datetime(2026, 11, 20, 15, 0, tz="UTC")


def waits(ask, now, times):
    """The seconds between one look and the next, of so many that fail."""
    found = []
    for failures in range(times):
        at = ask(failures, now)
        found.append(int((at - now).total_seconds()))
        now = at
    return found


def test_news_is_asked_for_at_six_moments_and_then_no_more():
    now, asked = SEND_AT, []
    while (at := looks.news_at(SEND_AT, now)) is not None:
        asked.append(int((at - SEND_AT).total_seconds()))
        now = at
    assert asked == [120, 600, 3600, 6 * 3600, 24 * 3600, 72 * 3600]


def test_news_long_before_the_send_time_is_asked_for_after_it():
    assert looks.news_at(SEND_AT, SEND_AT.subtract(days=30)) == SEND_AT.add(seconds=120)
    assert looks.news_at(SEND_AT, SEND_AT.add(seconds=119)) == SEND_AT.add(seconds=179)
    assert looks.first_news_at(SEND_AT, SEND_AT.add(hours=5)) == SEND_AT.add(hours=5)
    assert looks.first_news_at(SEND_AT, SEND_AT) == SEND_AT.add(seconds=120)


def test_what_twilio_would_not_say_is_asked_again_up_to_every_five_minutes():
    assert waits(looks.error_at, SEND_AT, 5) == [60, 120, 240, 300, 300]
    assert looks.error_at(0, SEND_AT, retry_after_seconds=100) == SEND_AT.add(seconds=100)
    assert looks.error_at(0, SEND_AT, retry_after_seconds=86_400) == SEND_AT.add(seconds=300)


def test_a_parked_text_is_looked_for_up_to_every_hour_for_three_days_after_its_time():
    assert waits(lambda f, now: looks.parked_at(SEND_AT, f, now), SEND_AT, 9)[:9] == [
        60, 120, 240, 480, 960, 1920, 3600, 3600, 3600,
    ]  # fmt: skip
    assert looks.parked_at(SEND_AT, 3, SEND_AT.add(hours=72)) is None


def test_a_cancel_is_tried_ever_more_rarely_up_to_five_minutes():
    early = SEND_AT.subtract(days=3)
    assert waits(lambda f, now: looks.cancel_at(SEND_AT, f, now), early, 8) == [5, 10, 20, 40, 80, 160, 300, 300]


@pytest.mark.parametrize(
    ("before_seconds", "retry_after_seconds", "next_before_seconds"),
    [(200, None, 90), (200, 600, 90), (91, None, 90), (90, None, 75), (30, 600, 15)],
)
def test_a_cancel_is_tried_once_more_while_it_is_certain_to_count(
    before_seconds, retry_after_seconds, next_before_seconds
):
    now = SEND_AT.subtract(seconds=before_seconds)
    at = looks.cancel_at(SEND_AT, 6, now, retry_after_seconds=retry_after_seconds)
    assert at == SEND_AT.subtract(seconds=next_before_seconds)


def test_a_cancel_after_the_send_time_has_no_hurry():
    assert looks.cancel_at(SEND_AT, 6, SEND_AT) == SEND_AT.add(seconds=300)
