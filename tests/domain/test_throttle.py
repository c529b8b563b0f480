"""How fast texts may leave: the bucket, the halving, the silence and the way back."""

import pendulum
import pytest

from reminder_site.domain.delivery import Pace
from reminder_site.domain.throttle import Silence, Throttle

NOON = pendulum.datetime(2026, 11, 2, 12, tz="UTC")
PACE = Pace()
FREE = Throttle(20.0)


def after(seconds):
    return NOON.add(microseconds=int(seconds * 1e6))


def leaving(throttle, seconds, step=0.25, waiting=10_000):
    """Let as many leave as may, over so many seconds; return how many and the throttle at the end."""
    left = 0
    for number in range(int(seconds / step)):
        now = after(number * step)
        go = min(waiting - left, throttle.allowance(64, now))
        throttle = throttle.spent(go, now, none_waits=left + go == waiting)
        left += go
    return left, throttle


def test_by_itself_everything_may_leave():
    assert FREE.allowance(64, NOON) == 64
    assert FREE.spent(64, NOON, none_waits=True) is FREE


def test_a_429_brings_the_rate_down_and_more_of_them_halve_it():
    throttle, rates = FREE, []
    for second in range(7):
        throttle = throttle.slowed(after(second * 0.999 if second == 1 else second * 2))
        rates.append(throttle.per_second)
    assert rates[:2] == [20.0, 20.0], "answers to texts that were under way together count once"
    assert all(later < earlier for earlier, later in zip(rates[1:], rates[2:], strict=False))
    for second in range(20, 60, 2):
        throttle = throttle.slowed(after(second))
    assert throttle.per_second == pytest.approx(1, abs=0.4)
    assert throttle.per_second >= 1


def test_the_rate_holds_within_a_tenth_and_never_bursts():
    left, _ = leaving(FREE.slowed(NOON), 100)
    assert left == pytest.approx(2000, rel=0.1)
    waited = FREE.slowed(NOON)
    assert waited.allowance(64, after(59)) == 6


def test_workers_whose_clocks_differ_do_not_fill_the_bucket_twice():
    throttle, left = FREE.slowed(NOON), 0
    for number in range(800):
        now = after(number // 2 * 0.25 - (number % 2) * 1.5)
        go = throttle.allowance(64, now)
        throttle = throttle.spent(go, now, none_waits=False)
        left += go
    assert left == pytest.approx(2000, rel=0.1)
    back = throttle.spent(0, NOON.subtract(hours=1), none_waits=False)
    assert back.allowance(64, NOON.subtract(minutes=59)) == 6, "a clock put right does not stop the sending"


def test_a_halved_rate_climbs_back_within_a_minute():
    throttle = FREE.slowed(NOON).slowed(after(2))
    assert 10 <= throttle.per_second < 11
    assert throttle.allowance(64, after(2.2)) == 2
    assert throttle.allowance(64, after(61)) == 6


def test_once_nothing_waits_and_the_trouble_is_a_minute_old_all_is_free_again():
    early = leaving(FREE.slowed(NOON), 59, waiting=5)[1]
    assert early.per_second == 20
    late = leaving(FREE.slowed(NOON), 62, waiting=1_215)[1]
    assert late.per_second is None


def test_a_full_bucket_does_not_let_all_go_while_thousands_wait():
    busy = leaving(FREE.slowed(NOON), 120)[1]
    assert busy.allowance(64, after(125)) == 6  # the workers stood still for five seconds
    assert not busy.is_free(after(125))


def test_nobody_is_slowed_by_a_trouble_of_yesterday():
    slowed = leaving(FREE.slowed(NOON), 30)[1]
    assert [slowed.is_free(after(seconds)) for seconds in (30, 60, 89, 90, 3600)] == [False, False, False, True, True]
    assert slowed.allowance(64, after(3600)) == 64
    assert slowed.spent(64, after(3600), none_waits=False).per_second is None
    assert not FREE.silent(NOON, "", PACE, NOON).is_free(after(3600))


def test_while_twilio_is_silent_nothing_leaves_until_a_probe_is_answered():
    down = FREE.silent(NOON.subtract(seconds=40), "no line", PACE, NOON)
    assert (down.down_since, down.down_why) == (NOON.subtract(seconds=40), "no line")
    assert [down.allowance(64, after(hours * 3600)) for hours in (0, 1, 6)] == [0, 0, 0]
    assert [down.probe_is_due(after(seconds)) for seconds in (0, 14.9, 15, 60)] == [False, False, True, True]
    assert down.silent(NOON, "again", PACE, after(5)) is down
    trying = down.asking(PACE, after(15)).trying(after(15))
    assert trying.allowance(64, after(15)) == 1
    spent = trying.spent(1, after(15), none_waits=True)
    assert (spent.allowance(64, after(3600)), spent.down_since) == (0, down.down_since)
    back = spent.answered(after(16))
    assert (back.down_since, back.down_why, back.allowance(64, after(16)), back.allowance(64, after(17))) == (
        None, "", 0, 6,
    )  # fmt: skip


def test_the_wait_for_the_next_probe_doubles_with_each_text_that_tried_in_vain():
    throttle, now, waits = FREE.silent(NOON, "", PACE, NOON), NOON, []
    for _ in range(7):
        throttle = throttle.asking(PACE, now).trying(now).spent(1, now, none_waits=False)
        waits.append((throttle.probe_at - now).total_seconds())
        now = throttle.probe_at
    assert waits == [15, 30, 60, 120, 240, 300, 300]


def test_a_question_nobody_answered_does_not_make_the_next_one_later():
    throttle = FREE.silent(NOON, "", PACE, NOON)
    for minute in range(1, 100):
        throttle = throttle.asking(PACE, after(minute * 60))
        assert (throttle.probe_at - after(minute * 60)).total_seconds() == 15


def test_a_429_says_that_twilio_answers():
    assert FREE.silent(NOON, "", PACE, NOON).slowed(after(15)).down_since is None


def test_the_trouble_is_over_after_a_minute_to_the_second():
    slowed = FREE.slowed(NOON)
    assert [slowed.is_over(after(seconds)) for seconds in (59.9, 60)] == [False, True]
    assert [slowed.is_free(after(seconds)) for seconds in (59.9, 60)] == [False, True]


def test_a_second_429_halves_the_rate_once_a_second_has_passed():
    slowed = FREE.slowed(NOON)
    assert slowed.slowed(after(0.9)) is slowed
    assert slowed.slowed(after(1)).per_second == 10


def test_a_try_that_no_text_has_made_yet_is_not_a_failed_one():
    trying = FREE.silent(NOON, "", PACE, NOON).trying(NOON)
    assert trying.trying(after(15)) is trying


def test_a_clock_up_to_five_seconds_behind_is_one_of_another_worker_and_else_one_put_right():
    slowed = FREE.slowed(NOON)
    filled = [(slowed.spent(0, after(-behind), none_waits=False).level_at - NOON).total_seconds() for behind in (5, 6)]
    assert filled == [0, -6]


def test_a_clock_that_goes_back_takes_nothing_away():
    assert FREE.slowed(NOON).allowance(64, NOON.subtract(hours=1)) == 0
    assert FREE.slowed(NOON).trying(NOON).allowance(64, after(1)) == 6


@pytest.mark.parametrize(
    ("seconds", "outage"),
    [
        ([0] * 9, False),
        ([0] * 10, True),
        ([0, 29], False),
        ([0, 29, 29.9], False),
        ([0, 1, 30], True),
        ([0, 45], False),
    ],
)
def test_many_in_a_row_or_a_few_over_half_a_minute_are_an_outage(seconds, outage):
    silence = Silence()
    for second in seconds:
        silence = silence.after(True, after(second))
    assert silence.is_outage(PACE, after(seconds[-1])) is outage
    assert silence.since == NOON
    assert silence.after(False, after(60)) == Silence()
