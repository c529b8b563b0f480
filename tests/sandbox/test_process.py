"""The sandbox as a process: it starts, survives kill -9 with all it held, and ends when told to."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.sandbox.conftest import START, Sandbox, until

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Elsewhere:
    """A sandbox in another process, as far as its address tells."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"


@pytest.fixture
def port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def launch(tmp_path, port):
    started = []

    def launch():
        command = [
            sys.executable,
            "-m",
            "reminder_site.sandbox",
            "--port",
            str(port),
            "--db",
            str(tmp_path / "a" / "s.db"),
        ]
        process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        started.append(process)
        until(lambda: is_open(port))
        return process, Sandbox(Elsewhere(port))

    yield launch
    for process in started:
        process.kill()
        process.wait()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_was_accepted_outlives_a_kill_and_so_does_the_clock(launch):
    process, sandbox = launch()
    sandbox.set_clock(START, speed=0)
    sids = [sandbox.schedule(START.add(days=1)).sid for _ in range(20)]
    process.kill()
    process.wait()
    sandbox.client.http_client.session.close()
    process, sandbox = launch()
    assert sandbox.ask("GET", "clock")[1] == {"now": "2026-03-02T09:00:00.000000Z", "speed": 0.0}
    assert [text["sid"] for text in sandbox.held("?status=scheduled")] == sids
    sandbox.set_clock(START.add(days=1))
    assert {text["status"] for text in sandbox.held()} == {"delivered"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    sandbox.client.http_client.session.close()
