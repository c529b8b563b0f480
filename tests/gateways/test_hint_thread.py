"""Hints are noted at once and carried later, by one thread; equal ones are one, and those that cannot be carried go."""

import threading
from itertools import groupby

import pytest

from reminder_site.gateways import hint_thread
from reminder_site.gateways.hint_thread import MOST_DELAYED, HintThread


class Road:
    """The way to a queue, closed at first; notes what was carried and what went wrong."""

    def __init__(self):
        self.open, self.broken = threading.Event(), False
        self.began = threading.Semaphore(0)
        self.carried, self.failed, self.carried_before = [], [], []

    def send(self, delay_seconds):
        self._go()
        self.carried.append(delay_seconds)

    def question(self):
        self._go()
        self.carried_before.append(len(self.carried))

    def _go(self):
        self.began.release()
        assert self.open.wait(30)
        if self.broken:
            raise ConnectionError("no road")


@pytest.fixture
def road():
    road = Road()
    yield road
    road.open.set()


@pytest.fixture
def hints(road):
    return HintThread(road.send, road.question, road.failed.append)


@pytest.fixture
def busy(road, hints):
    """The thread is on its way with a hint, and will be for as long as the road is closed."""
    hints.note()
    assert road.began.acquire(timeout=20)


def test_many_hints_for_now_are_one(road, hints, busy):
    for _ in range(1000):
        hints.note()
    road.open.set()
    assert hints.flush(20)
    assert road.carried == [0, 0]


def test_delayed_hints_are_carried_in_their_order_and_equal_ones_are_one(road, hints, busy):
    for delay_seconds in (9000, 100, 700) * 300:
        hints.note(delay_seconds)
    road.open.set()
    assert hints.flush(20)
    assert len(road.carried) < 450  # not 901; equal ones may lie in neighbouring tenths of a second
    assert [delay for delay, _ in groupby(round(delay, -2) for delay in road.carried)] == [0, 100, 700, 9000]


def test_of_too_many_delayed_hints_the_last_due_are_dropped(road, hints, busy):
    for number in range(MOST_DELAYED + 500, 0, -1):
        hints.note(1000 + 10 * number)
    road.open.set()
    assert hints.flush(20)
    delayed = road.carried[1:]
    assert len(delayed) == MOST_DELAYED
    assert max(delayed) <= 1000 + 10 * MOST_DELAYED + 1


def test_a_delay_counts_from_when_the_hint_was_given(road, hints, busy):
    hints.note(0.01)
    hints.note(3600)
    threading.Event().wait(0.3)
    road.open.set()
    assert hints.flush(20)
    assert road.carried[1] == 0
    assert 3000 < road.carried[2] < 3599.9


def test_hints_that_cannot_be_carried_are_given_up_with_one_complaint(road, hints, busy):
    for number in range(50):
        hints.note(100 + number)
    road.broken = True
    road.open.set()
    assert hints.flush(20)
    assert (road.carried, [type(error) for error in road.failed]) == ([], [ConnectionError])
    road.broken = False
    hints.note()
    assert hints.flush(20)
    assert road.carried == [0]


def test_flushing_gives_up_when_the_time_is_over(road, hints, busy):
    assert not hints.flush(0)
    assert road.carried == []


def test_a_question_is_answered_before_hints_that_wait(road, hints, busy):
    for number in range(50):
        hints.note(100 + number)
    assert not hints.ask(0.01)
    road.open.set()
    assert hints.ask(20)
    assert road.carried_before[0] == 1
    assert hints.flush(20)
    assert len(road.carried) == 51


def test_a_question_that_goes_wrong_is_a_no(road, hints):
    road.broken = True
    road.open.set()
    assert not hints.ask(20)
    assert [type(error) for error in road.failed] == [ConnectionError]


def test_the_thread_ends_when_there_is_nothing_to_do_and_comes_back(road, hints, monkeypatch):
    monkeypatch.setattr(hint_thread, "IDLE_SECONDS", 0.01)
    road.open.set()
    for number in range(1, 4):
        hints.note()
        assert hints.flush(20)
        for thread in threading.enumerate():
            if thread.name == "hints":
                thread.join(20)
        assert len(road.carried) == number
        assert not [thread for thread in threading.enumerate() if thread.name == "hints"]
