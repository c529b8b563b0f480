"""Clients that send their bodies slowly, read their answers slowly or send far too much: nobody else waits for them.

The web server is the one of `make run`, with a site of its own and nothing else.
"""

import http.client
import os
import socket
import statistics
import subprocess
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from reminder_site.sandbox.identity import ACCOUNT_SID
from reminder_site.serving import server_command
from reminder_site.supervisor import FLASK, HOST
from tests.campaigns.place import SECRET, Place

ROOT = Path(__file__).parents[2]
LARGE_BYTES = 5_000_000
PAGES_A_SLOW_READER_ASKS_FOR = 4
READY_SECONDS = 60


def run(folder, *, seed=1, unfinished=300, slow=300, large=64, seconds=20, patience=1.0, most_mb=200):
    """Let each kind of client loose while somebody opens pages; return how long those took and what it cost."""
    told = {"seed": seed, "refused": [], "wrong": [], "slowest_ms": {}, "median_ms": {}, "more_mb": {}}
    with _served(folder) as (port, process):
        for _ in range(10):
            _page(port, READY_SECONDS)
        before = _memory_mb(process.pid)
        kinds = {"unfinished": (_unfinished, unfinished), "slow": (_slow, slow), "large": (_large, large)}
        for kind, (begin, count) in kinds.items():
            with ExitStack() as held:
                begin(port, count, held)
                _watch(told, kind, port, process.pid, before, seconds=seconds, patience=patience)
            if told["more_mb"][kind] > most_mb:
                told["wrong"].append(f"{kind}: {told['more_mb'][kind]} MB more")
    return told


def _watch(told, kind, port, pid, before, *, seconds, patience):
    """Open pages for so long; note those that did not come within somebody's patience."""
    times, memory, end = [], [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            _page(port, patience)
        except OSError as error:
            told["refused"].append(f"{kind}: no page within {patience} s ({type(error).__name__})")
        times.append(time.monotonic() - began)
        memory.append(_memory_mb(pid))
        time.sleep(0.1)
    told["slowest_ms"][kind] = round(max(times) * 1000)
    told["median_ms"][kind] = round(statistics.median(times) * 1000)
    told["more_mb"][kind] = round(max(memory) - before)


def _unfinished(port, count, held):
    for _ in range(count):
        line = held.enter_context(socket.create_connection((HOST, port)))
        line.sendall(_head(port, 5_000) + b"email=a")


def _slow(port, count, held):
    page = f"GET /sign-in HTTP/1.1\r\nHost: {HOST}:{port}\r\n\r\n".encode()
    for _ in range(count):
        line = held.enter_context(socket.socket())
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        line.connect((HOST, port))
        line.sendall(page * PAGES_A_SLOW_READER_ASKS_FOR)


def _large(port, count, held):
    def send():
        with socket.create_connection((HOST, port)) as line:
            line.settimeout(60)
            try:
                line.sendall(_head(port, LARGE_BYTES) + b"email=" + b"x" * (LARGE_BYTES - 6))
                while line.recv(65_536):
                    pass
            except OSError:
                return  # cut off: as good as refused

    for _ in range(count):
        threading.Thread(target=send, daemon=True).start()


def _head(port, length):
    lines = f"POST /sign-in HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Length: {length}\r\n"
    return f"{lines}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode()


def _page(port, patience):
    with closing(http.client.HTTPConnection(HOST, port, timeout=patience)) as line:
        line.request("GET", "/sign-in")
        line.getresponse().read()


@contextmanager
def _served(folder):
    with closing(socket.create_server((HOST, 0))) as free:
        port = free.getsockname()[1]
    stores = f"sqlite:///{folder / 'site.db'}", f"sqlite:///{folder / 'queue.db'}"
    known = Place(folder, *stores, f"http://{HOST}:1", port, speed=1).settings()
    known = replace(known, port=port)
    env = os.environ | {
        **{"SECRET_KEY": SECRET, "DATABASE_URL": stores[0], "QUEUE_URL": stores[1], "PORT": str(port)},
        **{"PUBLIC_BASE_URL": known.public_base_url, "DATA_FOLDER": str(folder), "TWILIO_AUTH_TOKEN": "x" * 32},
        **{"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_BASE_URL": known.twilio_base_url, "PYTHONPATH": str(ROOT)},
    }
    for step in (["db", "upgrade"], ["demo"]):
        subprocess.run([*FLASK, *step], env=env, cwd=ROOT, check=True, capture_output=True)
    process = subprocess.Popen(server_command(host=HOST, port=known.port, workers=1), env=env, cwd=ROOT)
    try:
        _await(port)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


def _await(port):
    end = time.monotonic() + READY_SECONDS
    while True:
        try:
            return _page(port, 5)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _memory_mb(pid):
    """Add up what the server and its workers hold in memory."""
    kilobytes = 0
    for process in [pid, *_children(pid)]:
        status = Path(f"/proc/{process}/status").read_text()
        kilobytes += int(status.partition("VmRSS:")[2].split()[0])
    return kilobytes / 1_024


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
