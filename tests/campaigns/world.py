"""One campaign's world: the sandbox, the workers, the web process and the desk, all forked from one clean process.

Owns starting, killing, pausing, waiting for quiet and the verdict: what the sandbox holds against what the site says.
"""

import json
import multiprocessing
import os
import random
import signal
import socket
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.campaigns import calm, desk, roles, stores
from tests.campaigns.figures import Figures, judge
from tests.campaigns.place import CLOCK_ASKED_SECONDS, Place

SPREAD = {"now": 6, "soon": 2, "scheduled": 3}
SWEEPS_WITHIN_SECONDS = 60
zygotes = multiprocessing.get_context("forkserver")
zygotes.set_forkserver_preload(["tests.campaigns.zygote"])


class World:
    """Everything one campaign runs in; a context manager that ends what it started."""

    def __init__(self, folder, *, store="sqlite", queue="sqlite", seed=1, workers=2, web=True, **place):
        self.folder, self.store, self.queue = Path(folder), store, queue
        self.seed, self.worker_count, self.has_web = seed, workers, web
        self.random = random.Random(seed)
        self.workers, self.kills, self.seeded, self.ids = [], 0, 0, []
        self._place_more = place
        self._ends = ExitStack()
        self._deadline = None

    def __enter__(self):
        self.started = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        database_url = self._ends.enter_context(stores.fresh_database(self.store, self.folder))
        queue_url = self._ends.enter_context(stores.fresh_queue(self.queue, self.folder))
        port = _free_port()
        self._sandbox_pipe, theirs = zygotes.Pipe()
        inbound = f"http://127.0.0.1:{port}/webhooks/twilio/inbound"
        self.sandbox = self.fork(roles.play_sandbox, self.folder, inbound, theirs)
        self.place = Place(self.folder, database_url, queue_url, self._sandbox_pipe.recv(), port, **self._place_more)
        self.open_desk()
        self.clinic_id = self.ask(desk.open_clinic)
        self.web = self.fork(roles.play_web, self.place) if self.has_web else None
        self.workers = [self.new_worker() for _ in range(self.worker_count)]
        return self

    def __exit__(self, *_):
        for process in [*self.workers, self.web, self.desk, self.sandbox]:
            if process is not None:
                _kill(process)
        self._ends.close()

    def fork(self, play, *args):
        """Start a process that plays a role."""
        process = zygotes.Process(target=play, args=args, daemon=True)
        process.start()
        return process

    def new_worker(self, failpoint=""):
        """Start one more worker, which dies at a fail-point if one is named."""
        return self.fork(roles.play_worker, self.place, failpoint)

    def open_desk(self, failpoint=""):
        """Open the desk, which dies at a fail-point if one is named; one that was open must have ended."""
        self.desk_pipe, theirs = zygotes.Pipe()
        self.desk = self.fork(roles.play_desk, self.place, theirs, failpoint)

    def close_the_site(self):
        """End every process of the site's."""
        for process in [*self.workers, self.web, self.desk]:
            _kill(process)

    def reopen_the_site(self, first, **arguments):
        """Do something at a desk of its own while nothing else is open; then start all again."""
        self.open_desk()
        self.ask(first, **arguments)
        _kill(self.desk)
        self.open_desk()
        self.web = self.fork(roles.play_web, self.place)
        self.workers = [self.new_worker() for _ in self.workers]

    def ask(self, function, **arguments):
        """Have the desk do something; raise RuntimeError with its words when that failed."""
        self.desk_pipe.send((function, arguments))
        well, result = self.desk_pipe.recv()
        if not well:
            raise RuntimeError(f"{function.__name__}: {result}")
        return result

    def seed_texts(self, count, spread=SPREAD):
        """Put more texts in the outbox; return their ids."""
        ids = self.ask(
            desk.seed, clinic_id=self.clinic_id, first=self.seeded, count=count, draw=self.seed, spread=spread
        )
        self.seeded += count
        self.ids += ids
        return ids

    def take_back_some(self, count):
        """Cancel so many texts, drawn from all there are."""
        chosen = self.random.sample(self.ids, min(count, len(self.ids)))
        return chosen, self.ask(desk.take_back, ids=chosen)

    def kill_one(self, failpoint=""):
        """End a process as a power cut would, mostly a worker, and start another in its place."""
        if self.web is not None and self.random.random() < 0.15:
            _kill(self.web)
            self.web = self.fork(roles.play_web, self.place)
        else:
            place = self.random.randrange(len(self.workers))
            _kill(self.workers[place])
            self.workers[place] = self.new_worker(failpoint)
        self.kills += 1

    def revive(self, failpoint=""):
        """Start a worker in the place of each that has died by itself; return how many had."""
        dead = [place for place, process in enumerate(self.workers) if not process.is_alive()]
        for place in dead:
            self.workers[place].join()
            self.workers[place] = self.new_worker(failpoint)
        self.kills += len(dead)
        return len(dead)

    def stop(self, process):
        """Stop a process as a closed laptop does, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGSTOP)

    def go_on(self, process):
        """Let a stopped process go on, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)

    def has_stopped(self, process, within_seconds):
        """Wait until a process has stopped by itself; False when it does not."""
        ends = time.monotonic() + within_seconds
        while time.monotonic() < ends:
            if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                return True
            time.sleep(0.02)
        return False

    def is_guarded(self, process, within_seconds):
        """Wait until a worker is one that ends after standing still; False when it is not."""
        ends = time.monotonic() + within_seconds
        while not (guarded := self.place.guarded(process.pid).exists()) and time.monotonic() < ends:
            time.sleep(0.02)
        return guarded

    def ends(self, process, within_seconds):
        """Wait until a process has ended by the alarm of its standstill; False when it goes on."""
        process.join(within_seconds)
        return process.exitcode == -signal.SIGALRM

    def dies(self, process, within_seconds, meanwhile=lambda: None):
        """Wait until a process dies at its fail-point, doing something now and then; end it, False, when it does not.

        Its death counts as a kill.
        """
        ends = time.monotonic() + within_seconds
        while process.exitcode is None and time.monotonic() < ends:
            meanwhile()
            process.join(0.15)
        died = process.exitcode == -signal.SIGKILL
        self.kills += died
        _kill(process)
        return died

    def nap(self, shortest_seconds, longest_seconds):
        """Wait a random while."""
        time.sleep(self.random.uniform(shortest_seconds, longest_seconds))

    def end(self, process):
        """End a process without counting it."""
        _kill(process)

    def faults(self, **switchboard):
        """Put the sandbox's switchboard to this."""
        return self.tell("PUT", "/_sandbox/faults", {"seed": self.seed, **switchboard})

    def tell(self, method, path, body=None):
        """Speak to the sandbox's own switches."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.place.sandbox_url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def jump(self, moment):
        """Put the sandbox's clock, and with it the site's, to a moment; it runs on from there."""
        self.tell("PUT", "/_sandbox/clock", {"now": moment.isoformat()})
        time.sleep(2 * CLOCK_ASKED_SECONDS)  # so often the site asks for the time

    def settle(self, until=desk.at_rest):
        """Wait until nothing is under way, the last part without troubles; the clock is put to what waits for later."""
        within_seconds = 240 + self.seeded / 5
        clear_at = time.monotonic() + within_seconds / 3
        ends = time.monotonic() + within_seconds
        while time.monotonic() < ends:
            there = self.ask(until)
            if not there["open"] and self.tell("GET", "/_sandbox/idle")["idle"]:
                return
            if time.monotonic() > clear_at:
                self.faults()
            if calm_until := calm.until(there):
                self.jump(calm_until)
            else:
                time.sleep(0.05 + min(0.2, sum(there["open"].values()) / 2000))
        raise AssertionError(f"seed {self.seed}: not quiet after {within_seconds:.0f} s: {self.ask(until)}")

    def deliver_scheduled(self):
        """Let the hour of the scheduled texts come, half an hour's at a time: their orphans are looked for before."""
        while waiting := self.ask(desk.hours_to_come):
            first = min(waiting)
            self.jump(max(first.subtract(minutes=2), self.ask(desk.now)))
            self.catch_up()
            self.jump(min(max(waiting), first.add(minutes=30)).add(seconds=1))
            self.settle()
        self.settle()

    def catch_up(self):
        """Wait until no look is due at any text."""
        ends = time.monotonic() + SWEEPS_WITHIN_SECONDS
        while self.ask(desk.looks_before, moment=self.ask(desk.now)) and time.monotonic() < ends:
            time.sleep(0.1)

    def callback_addresses(self):
        """Return where each text that was ever taken would be reported to."""
        return [one["status_callback"] for one in self.tell("GET", "/_sandbox/messages")["messages"]]

    def verdict(self, lag=False):
        """Compare the two sides, check the database, and say what came of it all."""
        texts = self.tell("GET", "/_sandbox/messages?direction=outbound-api")["messages"]
        figures = judge(self.ask(desk.ledger), texts, lag=lag)
        return Figures(
            seed=self.seed, store=self.store, kills=self.kills, texts=len(texts), integrity=self.ask(desk.integrity),
            seconds=round(time.monotonic() - self.started, 1), **figures,
        )  # fmt: skip


def _kill(process):
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
