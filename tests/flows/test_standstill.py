"""Processes that are stopped: exactly where a trial names, and ended rather than let go on after too long."""

import os
import signal
import subprocess
import sys
import time

import pytest

# The second thread goes through the place; the first waits, as a worker's does.
STOPS_AT_A_PLACE = """
import os, signal, threading
from reminder_site import failpoints
failpoints.choose("before_first_byte", signal.SIGSTOP)
def carry():
    failpoints.reach("before_first_byte")
    os.write(1, b"on")
threading.Thread(target=carry).start()
threading.Event().wait()
"""
GOES_ON_WRITING = """
import os, time
from reminder_site.standstill import end_after
end_after(2)
while True:
    os.write(1, b".")
    time.sleep(0.01)
"""


@pytest.fixture
def start():
    """Run such a program, whose output can be read without waiting for it; end it with the test."""
    started = []

    def run(program):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        os.set_blocking(process.stdout.fileno(), False)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def stopped(process):
    os.waitpid(process.pid, os.WUNTRACED)


def said(process, within_seconds=20):
    """What a process says next; nothing, None, when it keeps silent for so long."""
    ends = time.monotonic() + within_seconds
    while (found := process.stdout.read()) is None and time.monotonic() < ends:
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("_", range(5))
def test_a_process_stops_at_the_named_place_and_not_a_step_later(start, _):
    process = start(STOPS_AT_A_PLACE)
    stopped(process)
    assert process.stdout.read() is None
    process.send_signal(signal.SIGCONT)
    assert said(process) == b"on"


def test_a_process_that_stood_still_for_too_long_ends_without_another_byte(start):
    process = start(GOES_ON_WRITING)
    assert said(process)
    time.sleep(3)
    assert process.poll() is None
    process.send_signal(signal.SIGSTOP)
    stopped(process)
    process.stdout.read()
    time.sleep(3)
    process.send_signal(signal.SIGCONT)
    assert process.wait(5) == -signal.SIGALRM
    assert process.stdout.read() == b""


def test_a_process_that_stood_still_for_a_moment_goes_on(start):
    process = start(GOES_ON_WRITING)
    assert said(process)
    process.send_signal(signal.SIGSTOP)
    stopped(process)
    process.stdout.read()
    process.send_signal(signal.SIGCONT)
    assert said(process)
