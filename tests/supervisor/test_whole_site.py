"""A fresh copy of the project comes up with one command, stays up when a process dies, and leaves nothing behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("reminder_site", "migrations", "templates", "static", "wsgi.py")
WAIT_SECONDS = 90
INHERITED = ("HOME", "PATH", "LANG", "COVERAGE_PROCESS_START")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(reached, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {WAIT_SECONDS} s")


def fetch(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read().decode()


class Site:
    """A running supervisor in a folder of its own, with its output in a file."""

    def __init__(self, folder):
        self.folder, self.log = folder, folder / "output.txt"
        self.port, self.sandbox_port = free_port(), free_port()
        self.env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.env |= {"PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port), "PYTHONDONTWRITEBYTECODE": "1"}
        with self.log.open("w") as output:
            self.process = self.supervise(stdout=output, stderr=subprocess.STDOUT)

    def supervise(self, **options):
        return subprocess.Popen(
            [sys.executable, "-m", "reminder_site.supervisor"], cwd=self.folder, env=self.env, **options
        )

    def said(self, pattern):
        assert self.process.poll() is None, self.log.read_text()
        return re.search(pattern, self.log.read_text())

    def worker_pid(self):
        supervisor = self.process.pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        workers = [pid for pid in children if b"wsgi\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return int(workers[0]) if workers else None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fresh")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    running = Site(folder)
    wait_for(lambda: running.said("Ctrl-C ends everything"), "the start")
    yield running
    running.process.terminate()
    running.process.wait(60)


def test_it_says_where_everything_is(site):
    said = site.log.read_text()
    assert f"http://127.0.0.1:{site.port}   (ready after" in said, said
    assert f"http://127.0.0.1:{site.sandbox_port}" in said
    assert re.search(r"sign in", said, re.IGNORECASE)


def test_the_sign_in_page_the_phones_and_the_health_page_answer(site):
    status, page = fetch(site.port)
    assert status == 200
    assert "password" in page
    assert fetch(site.sandbox_port)[0] == 200
    assert fetch(site.port, "/healthz")[0] == 200


def test_a_second_start_says_that_the_port_is_taken(site):
    second = site.supervise(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = second.communicate(timeout=WAIT_SECONDS)[1]
    assert second.returncode == 1
    assert f"Port {site.port} is taken" in said
    assert "Traceback" not in said


def test_a_killed_worker_is_back_soon(site):
    first = wait_for(site.worker_pid, "the worker's start")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: site.worker_pid() not in {None, first}, "the worker's return")
    assert "worker   | ended (signal 9)" in site.log.read_text()


def test_ending_it_frees_both_ports(site):
    site.process.send_signal(signal.SIGINT)
    assert site.process.wait(60) == 0
    for port in (site.port, site.sandbox_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)
