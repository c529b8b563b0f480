"""A child process is restarted when it dies, ends when asked, and leaves nobody behind."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from reminder_site import processes
from reminder_site.processes import Child

WAIT_SECONDS = 20
STAYS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAYS
PARENT = "import subprocess, sys; print(subprocess.Popen(['sleep', '600']).pid, flush=True); sys.stdin.read(); " + STAYS


@pytest.fixture
def child():
    made = []

    def make(code):
        made.append(Child("piece", [sys.executable, "-c", code], dict(os.environ)))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.ask_to_end()
        one.end()


def wait_until(reached):
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_every_line_is_shown_under_the_childs_name(child, capsys):
    one = child("print('first'); print('second')")
    one.end()
    assert capsys.readouterr().out == "piece    | first\npiece    | second\n"


def test_a_dead_child_is_started_again_and_said_so(child, capsys):
    one = child(STAYS)
    first = one.process.pid
    os.kill(first, signal.SIGKILL)
    one.process.wait()
    wait_until(lambda: one.tend() or one.process.pid != first)
    assert one.process.poll() is None
    assert "ended (signal 9); starting it again in 1 s" in capsys.readouterr().out


def test_a_child_that_keeps_dying_is_started_less_and_less_often(child, capsys):
    one = child("import sys; sys.exit(3)")
    waits = []
    for _ in range(7):
        one.process.wait()
        one.tend()
        waits.append(int(capsys.readouterr().out.split()[-2]))
        one._again_at = time.monotonic()
        one.tend()
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_healthy_child_is_left_alone(child):
    one = child(STAYS)
    pid = one.process.pid
    for _ in range(3):
        one.tend()
    assert one.process.pid == pid


def test_a_child_ends_when_asked(child):
    one = child(STAYS)
    one.ask_to_end()
    one.end()
    assert one.process.returncode == -signal.SIGTERM


def test_a_child_that_will_not_end_is_killed(child, capsys, monkeypatch):
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    one = child(STUBBORN)
    wait_until(lambda: "up" in capsys.readouterr().out)
    one.ask_to_end()
    one.end()
    assert one.process.returncode == -signal.SIGKILL


def test_what_a_killed_child_had_started_is_ended_too(child, capsys):
    one = child(PARENT)
    seen = []
    wait_until(lambda: seen.append(capsys.readouterr().out) or any(seen))
    grandchild = int("".join(seen).split()[2])
    os.kill(one.process.pid, signal.SIGKILL)
    one.process.wait()
    assert alive(grandchild)
    one.tend()
    wait_until(lambda: not alive(grandchild))
