"""A queue that takes connections and says nothing, or is not there: it costs nobody's time, and one line a minute."""

import contextlib
import json
import logging
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlalchemy import func
from sqlalchemy import select as choose

from reminder_site.actions import heart, replanning, settings_guard
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.alarms import Alarms, make_queue
from reminder_site.models import Appointment
from reminder_site.sandbox.identity import ACCOUNT_SID, AUTH_TOKEN, MESSAGING_SERVICE_SID
from tests import factories
from tests.conftest import SECRET
from tests.delivering import a_text, now_as

KEY = b"k" * 32
WORKS = """
import json, sys
from flask_migrate import upgrade
from reminder_site.app import create_app
from reminder_site.config import Settings
from reminder_site.worker import serve
app = create_app(Settings(**json.loads(sys.argv[1])))
with app.app_context():
    upgrade(revision="head")
serve(app)
"""
FORKS = """
import os, sys, time
from reminder_site.gateways.alarms import Alarms, make_queue
alarms = Alarms(make_queue(f"sqlite:///{sys.argv[1]}", b"k" * 32), look=lambda: None)
alarms.now()
assert alarms.flush(20)
print("open", flush=True)
sys.stdin.readline()
alarms.now()
while not alarms.huey.storage.lock.locked():
    time.sleep(0.01)
time.sleep(0.2)
child = os.fork()
if child == 0:
    alarms.now()
    print("forked", flush=True)
    os._exit(0 if alarms.flush(20) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), alarms.flush(20), alarms.huey.pending_count())
"""


@pytest.fixture
def silent():
    """A server that takes connections, reads nothing and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


@pytest.fixture
def alarms(silent):
    """Alarms of a silent Redis; they would go on waiting for a minute."""
    port = silent.getsockname()[1]
    return Alarms(make_queue(f"redis://127.0.0.1:{port}/0?socket_timeout=60", KEY), look=lambda: None)


@pytest.fixture
def instead(app, alarms):
    """The site, with a silent queue."""
    before = app.extensions["alarms"]
    app.extensions["alarms"] = alarms
    yield alarms
    app.extensions["alarms"] = before


@contextlib.contextmanager
def still_waiting(silent, alarms):
    """Check that meanwhile the hints' thread waits for the queue: nobody else can have."""
    line, _ = silent.accept()
    with line:
        yield
        line.settimeout(20)
        assert line.recv(65536)
        assert select.select([line], [], [], 0)[0] == [], "the queue was given up already"
        assert not alarms.flush(0)
    alarms.flush(20)


def test_nobody_waits_for_a_silent_queue(silent, alarms):
    alarms.now()
    with still_waiting(silent, alarms):
        for _ in range(3):
            alarms.now()
            alarms.in_seconds(7)


def test_a_silent_queue_does_not_answer_the_health_page(silent, instead, client, clock):
    heart.beat(now=clock.now())
    told = client.get("/healthz").get_json()["checks"]["queue"]
    with still_waiting(silent, instead):
        assert told["status"] == "degraded"


def test_booking_planning_anew_and_handing_over_go_on_with_a_silent_queue(silent, instead, clinic, worker, clock):
    for number in range(3):
        factories.an_appointment(clinic, factories.a_patient(clinic, f"Ann{number}"), now=clock.now())
    text = a_text(clinic, clock.now())
    with still_waiting(silent, instead):
        with transaction() as session:
            settings_guard.plans_follow(session, clinic.id)
        replanning.carry_on(by=OPERATOR, now=clock.now())
        worker.settle()
        assert db.session.scalar(choose(func.count()).select_from(Appointment)) == 3
        assert now_as(text).state == "accepted"


@pytest.fixture
def nowhere():
    """Alarms of a Redis that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    alarms = Alarms(make_queue(f"redis://127.0.0.1:{port}/0", KEY), look=lambda: None)
    yield alarms
    alarms.close()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_queue_that_is_not_there_is_told_in_one_line_however_many_hints_are_lost(nowhere, caplog):
    nowhere.listen()
    for _ in range(5):
        nowhere.now()
        nowhere.in_seconds(3)
        assert nowhere.flush(20)
        assert not nowhere.answer()
        time.sleep(0.3)
    (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the queue does not answer well, the sweep will find the work (ConnectionError" in told.getMessage()
    assert "\n" not in told.getMessage() and not told.exc_info


def test_after_a_minute_it_is_told_again(nowhere, caplog):
    for _ in range(3):
        nowhere._complained_at -= 60
        nowhere.now()
        assert nowhere.flush(20)
    assert len(caplog.records) == 3


def test_what_huey_says_of_anything_else_is_logged_as_it_is(nowhere, caplog):
    nowhere.listen()
    logging.getLogger("huey.consumer.Worker").warning("Error reading a mind")
    logging.getLogger("huey.consumer.Worker").error("Unhandled error", exc_info=ValueError("x"))
    assert {"Error reading a mind", "Unhandled error"} <= {record.getMessage() for record in caplog.records}


@pytest.mark.parametrize("queue", ["redis://127.0.0.1:{}/0?socket_timeout=600", "postgresql://u:p@127.0.0.1:{}/q"])
def test_a_worker_starts_works_and_ends_with_a_silent_queue(silent, queue, tmp_path, sandbox):
    known = {
        "secret_key": SECRET,
        "database_url": f"sqlite:///{tmp_path}/site.db",
        "queue_url": queue.format(silent.getsockname()[1]),
        "data_folder": str(tmp_path),
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_messaging_service_sid": MESSAGING_SERVICE_SID,
        "twilio_base_url": sandbox.url,
    }
    command = [sys.executable, "-c", WORKS, json.dumps(known)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            ends = time.monotonic() + 60
            while not (tmp_path / "instance-id").exists() and process.poll() is None:  # kept with the first heartbeat
                assert time.monotonic() < ends
                time.sleep(0.1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, process.stderr.read()
        finally:
            process.kill()


def test_a_forked_process_carries_its_hints_itself_whatever_its_parent_is_doing(tmp_path):
    queue = f"{tmp_path}/queue.db"
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    with subprocess.Popen([sys.executable, "-c", FORKS, queue], text=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "open\n"
            with contextlib.closing(sqlite3.connect(queue, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                process.stdin.write("\n")
                process.stdin.flush()
                assert process.stdout.readline() == "forked\n"
            assert process.communicate(timeout=60) == ("0 True 3\n", "")
        finally:
            process.kill()
