"""Answers the database would not take: kept on disk, tried again, and made good at the next start."""

import json
import threading
import time
from contextlib import contextmanager

import pytest

from reminder_site.gateways.spool import Spool, Taken
from reminder_site.worker import Worker
from tests.delivering import a_text, at_twilio, attempts, now_as, take_back, trouble
from tests.factories import MONDAY
from tests.refusing import allow, refuse


@contextmanager
def a_database_that_records_nothing():
    refuse()
    try:
        yield
    finally:
        allow()


@pytest.fixture
def file(app):
    return app.extensions["settings"].data_path / "spool.jsonl"


@pytest.fixture
def crashing(worker):
    """A worker that is told to stop, and so gives up at the first refusal."""
    worker.stopping.set()
    return worker


def test_an_answer_the_database_refuses_is_made_good_at_the_next_start(app, clinic, crashing, clock, sandbox, file):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now())
    with a_database_that_records_nothing():
        crashing.settle(limit=1)
    (sent,) = at_twilio(sandbox)
    assert now_as(message_id).state == "submitting"
    assert lines(file) == [sent.sid]
    Worker(app, monotonic=clock.monotonic).settle()
    assert (now_as(message_id).state, now_as(message_id).sid) == ("accepted", sent.sid)
    assert attempts(message_id) == ["created"] and lines(file) == []


@pytest.mark.parametrize("status", ["scheduled", "accepted", "queued"])
def test_what_twilio_took_for_later_can_still_be_cancelled(app, clinic, crashing, clock, sandbox, file, status):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now(), in_minutes=60)
    with a_database_that_records_nothing():
        crashing.settle(limit=1)
    file.write_text(file.read_text().replace('"status": "scheduled"', f'"status": "{status}"'))
    worker = Worker(app, monotonic=clock.monotonic)
    worker.settle()
    take_back(message_id, clock.now())
    worker.settle()
    assert (now_as(message_id).state, at_twilio(sandbox)[0].status) == ("cancelled", "canceled")


def lines(file):
    """The SIDs that are spooled, read without touching the file."""
    return [json.loads(line)["sid"] for line in file.read_text().splitlines() if line] if file.exists() else []


def test_while_the_lease_lasts_recording_is_tried_again(app, clinic, worker, clock, sandbox, file):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now())
    refuse()

    def recover():
        while not lines(file):
            time.sleep(0.01)
        with app.app_context():
            allow()

    recovering = threading.Thread(target=recover)
    recovering.start()
    worker.settle(limit=1)
    recovering.join()
    assert now_as(message_id).state == "accepted"
    assert len(lines(file)) == 1
    Worker(app, monotonic=clock.monotonic).settle()
    assert attempts(message_id) == ["created"] and lines(file) == []


def test_a_refusal_of_twilios_is_not_spooled(app, clinic, crashing, clock, sandbox, file):
    trouble(sandbox, ("rate_limit_429", 1))
    a_text(clinic, clock.now())
    with a_database_that_records_nothing():
        crashing.settle(limit=1)
    assert not file.exists()


def test_lines_of_another_past_of_the_database_are_not_believed(app, clinic, worker, clock, sandbox, file):
    message_id = a_text(clinic, clock.now(), in_minutes=5)
    worker.settle()
    Spool(file).add(Taken(message_id, 1, "SM" + "a" * 32, "accepted", clock.now()))
    (file.parent / "instance-id").write_text("another\n")
    Worker(app, monotonic=clock.monotonic).settle()
    assert lines(file) == [] and now_as(message_id).sid is None


def test_a_line_cut_short_by_a_crash_hides_no_other(tmp_path):
    file = tmp_path / "spool.jsonl"
    one, two = (Taken(n, 1, f"SM{n}", "accepted", MONDAY) for n in (1, 2))
    Spool(file).add(one)
    with file.open("a") as opened:
        opened.write('\n{"message_id": 7, "att')
    Spool(file).add(two)
    assert Spool(file).read() == [one, two]


def test_what_comes_in_while_the_spool_is_read_waits_for_the_next_reader(tmp_path):
    spool = Spool(tmp_path / "spool.jsonl")
    one, two = (Taken(n, 1, f"SM{n}", "accepted", MONDAY) for n in (1, 2))
    spool.add(one)
    assert spool.read() == [one]
    spool.add(two)
    assert spool.read() == [one]  # a crash before clear(): read once more
    spool.clear()
    assert spool.read() == [two]
    spool.clear()
    assert spool.read() == []


def test_a_byte_that_is_no_text_costs_its_own_line_only(tmp_path):
    spool, taken = Spool(tmp_path / "spool.jsonl"), Taken(1, 1, "SM1", "scheduled", MONDAY)
    spool.add(taken)
    with (tmp_path / "spool.jsonl").open("ab") as file:
        file.write(b"\xff\xfe broken\n")
    assert spool.read() == [taken]


def test_a_start_that_is_tried_again_does_not_take_its_own_hold_for_a_rivals(
    app, clinic, crashing, clock, sandbox, file
):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now())
    with a_database_that_records_nothing():
        crashing.settle(limit=1)
        clock.forward(minutes=10)
        fresh = Worker(app, monotonic=clock.monotonic)
        assert fresh.settle() == 0 and now_as(message_id).sid is None
    fresh.settle()
    assert attempts(message_id) == ["created"] and now_as(message_id).sid == at_twilio(sandbox)[0].sid
    assert lines(file) == []
