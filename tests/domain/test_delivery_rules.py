"""Which way a text leaves, to the second; what each answer of Twilio's means; how long to wait before another try."""

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reminder_site.domain.delivery import (
    Pace,
    Route,
    backoff_seconds,
    classify,
    not_sent,
    route,
    unclear,
    validity_seconds,
)

NOW = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")
SID = "SM" + "a" * 32

CLASSES = [
    # http status, code, sid; then what it is and what comes next
    (201, None, SID, "created", "taken"),
    (200, None, SID, "created", "taken"),
    (202, None, SID, "created", "taken"),
    (429, 20429, None, "not_created", "slow_down"),
    (429, None, None, "not_created", "slow_down"),
    (400, 21610, None, "refused", "suppress"),
    (400, 21211, None, "refused", "bad_number"),
    (400, 21614, None, "refused", "bad_number"),
    (400, 21217, None, "refused", "bad_number"),
    (400, 21635, None, "refused", "bad_number"),
    (400, 35114, None, "refused", "local"),
    (400, 35115, None, "refused", "local"),
    (400, 35117, None, "refused", "local"),
    (400, 35125, None, "refused", "hold"),
    (400, 21611, None, "refused", "slow_down"),
    (401, 20003, None, "not_created", "stop_all"),
    (401, None, None, "not_created", "stop_all"),
    (403, 20003, None, "not_created", "stop_all"),
    (403, None, None, "not_created", "stop_all"),
    (403, 20005, None, "not_created", "stop_all"),
    (400, 20005, None, "not_created", "stop_all"),
    (400, 21617, None, "refused", "fail"),
    (404, 20404, None, "refused", "pause"),
    (422, 21660, None, "refused", "pause"),
    (404, 21701, None, "refused", "pause"),
    (400, 21704, None, "refused", "pause"),
    (400, 21408, None, "refused", "park"),
    (400, 30002, None, "not_created", "stop_all"),
    (400, 20422, None, "refused", "fail"),
    # whatever may have made a text is unclear, never refused and never taken
    (201, None, None, "unknown", "resolve"),
    (204, None, None, "unknown", "resolve"),
    (301, None, None, "unknown", "resolve"),
    (307, None, SID, "unknown", "resolve"),
    (400, None, None, "unknown", "resolve"),
    (408, None, None, "unknown", "resolve"),
    (408, 20408, None, "unknown", "resolve"),
    (409, 20409, None, "unknown", "resolve"),
    (500, 20500, None, "unknown", "resolve"),
    (502, None, None, "unknown", "resolve"),
    (503, 20503, None, "unknown", "resolve"),
    (504, None, None, "unknown", "resolve"),
    (500, 21610, None, "unknown", "resolve"),
    (500, None, SID, "unknown", "resolve"),
]


@pytest.mark.parametrize(("http_status", "code", "sid", "kind", "then"), CLASSES)
def test_each_answer_falls_into_its_class(http_status, code, sid, kind, then):
    outcome = classify(http_status, code, sid, "accepted")
    assert (outcome.kind, outcome.next) == (kind, then)
    assert outcome.http_status == http_status
    assert outcome.sid == (sid if kind == "created" else None)
    assert outcome.words


def test_every_status_there_is_has_a_class_and_only_2xx_with_a_sid_is_taken():
    for http_status in range(100, 600):
        for code in (None, 20003, 21610, 99999):
            for sid in (None, SID):
                kind = classify(http_status, code, sid).kind
                assert (kind == "created") == (200 <= http_status < 300 and sid is not None)
                if http_status >= 500 or http_status in {408, 409} or http_status < 200:
                    assert kind == "unknown"


def test_before_the_first_byte_nothing_was_made_and_after_it_nobody_knows():
    assert (not_sent("refused").kind, not_sent("refused").next) == ("not_created", "retry")
    assert (unclear("reset").kind, unclear("reset").next) == ("unknown", "resolve")


def way(**ahead):
    """The route of a text that is to be sent so far ahead, and useful for an hour after."""
    send_at = NOW.add(**ahead)
    return route(send_at=send_at, useful_until=send_at.add(hours=1), now=NOW)


MINUTE, HOUR, DAY = 60, 3600, 86_400
EDGES = [
    (-HOUR - 1, "expire"),
    (-HOUR, "expire"),
    (-HOUR + 1, "send"),
    (-1, "send"),
    (0, "send"),
    (1, "wait"),
    (15 * MINUTE, "wait"),
    (16 * MINUTE - 1, "wait"),
    (16 * MINUTE, "schedule"),
    (16 * MINUTE + 1, "schedule"),
    (7 * DAY, "schedule"),
    (35 * DAY - HOUR - 1, "schedule"),
    (35 * DAY - HOUR, "schedule"),
    (35 * DAY - HOUR + 1, "wait"),
    (35 * DAY, "wait"),
    (400 * DAY, "wait"),
]


@pytest.mark.parametrize(("seconds_ahead", "expected"), EDGES)
def test_the_edges_of_each_route_are_where_they_should_be(seconds_ahead, expected):
    assert way(seconds=seconds_ahead).way == expected


def test_a_near_text_waits_for_its_time_and_a_far_one_until_twilio_takes_it():
    assert way(minutes=15) == Route("wait", NOW.add(minutes=15))
    assert way(days=40) == Route("wait", NOW.add(days=5, hours=1))


def test_every_wait_ends_where_the_text_can_leave():
    for seconds in [*range(1, 16 * MINUTE, 7), *range(35 * DAY - HOUR + 1, 36 * DAY, 97)]:
        send_at = NOW.add(seconds=seconds)
        first = route(send_at=send_at, useful_until=send_at.add(hours=1), now=NOW)
        again = route(send_at=send_at, useful_until=send_at.add(hours=1), now=first.until)
        assert (first.way, again.way) == ("wait", "send" if seconds < 16 * MINUTE else "schedule")


def test_what_stays_here_is_never_scheduled():
    for seconds in (1, 16 * MINUTE, 7 * DAY, 40 * DAY):
        send_at = NOW.add(seconds=seconds)
        here = route(send_at=send_at, useful_until=send_at.add(hours=1), now=NOW, local_only=True)
        assert here == Route("wait", send_at)


def test_a_text_that_leaves_at_the_fence_still_falls_into_twilios_window():
    latest_arrival = 16 * MINUTE - Pace().fence_seconds
    assert latest_arrival >= 900


def test_backoff_doubles_from_five_seconds_to_five_minutes():
    assert [backoff_seconds(n, 0) for n in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert backoff_seconds(10_000, 0) == 300


def test_backoff_is_spread_by_a_tenth_and_never_shorter_than_twilio_asked():
    for tries in range(12):
        base = backoff_seconds(tries, 0)
        assert backoff_seconds(tries, -1) == pytest.approx(base * 0.9)
        assert backoff_seconds(tries, 1) == pytest.approx(base * 1.1)
    assert backoff_seconds(0, -1, retry_after_seconds=17) == 17
    assert backoff_seconds(6, 0, retry_after_seconds=17) == 300


@given(st.integers(0, 10_000), st.floats(-1, 1), st.none() | st.integers(0, 10**9))
def test_no_wait_is_longer_than_five_minutes_and_a_tenth_whatever_twilio_asks(tries, jitter, asked):
    without, wait = backoff_seconds(tries, jitter), backoff_seconds(tries, jitter, asked)
    assert without <= wait <= max(without, 300) <= 330
    assert wait >= min(asked or 0, 300)


def test_the_first_look_comes_only_when_no_byte_can_be_under_way():
    pace, read_timeout_seconds, connect_timeout_seconds = Pace(), 20, 3.05
    assert pace.first_look_seconds > pace.fence_seconds + read_timeout_seconds + connect_timeout_seconds
    assert pace.second_look_seconds >= 60


def test_a_faster_pace_keeps_every_proportion():
    fast = Pace.faster(100)
    assert (fast.lease_seconds, fast.fence_seconds) == (1.2, 0.6)
    assert (fast.first_look_seconds, fast.second_look_seconds) == (1.5, 0.6)
    assert Pace.faster(1) == Pace()


@pytest.mark.parametrize(("useful_seconds", "valid"), [(0, 6), (7, 7), (7.9, 7), (36_000, 36_000), (90_000, 36_000)])
def test_a_text_is_valid_for_as_long_as_it_is_of_use_and_twilio_allows(useful_seconds, valid):
    assert validity_seconds(NOW.add(microseconds=int(useful_seconds * 1e6)), NOW) == valid
