"""The site as it is run for real, on a fresh store: web server, worker and sandbox, each a process of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace

from reminder_site import supervisor
from reminder_site.config import ROOT
from reminder_site.serving import server_command
from tests.benchmarks import filling
from tests.benchmarks.browser import Browser
from tests.campaigns import desk
from tests.campaigns.world import World

READY_SECONDS = 60
ENDED_SECONDS = 20


class Site(World):
    """A campaign's world without its kills; the web server is the one `make run` starts."""

    def __init__(self, folder, **more):
        super().__init__(folder, workers=0, web=False, **more)
        self._webs = {}
        self._filled = 0

    def serving(self, workers=1):
        """Return the process id of the web server, started when first asked for."""
        if workers not in self._webs:
            self.serve_anew(workers)
        return self._webs[workers].pid

    def serve_anew(self, workers=1):
        """Start the web server, ending the one that ran; return once it answers."""
        for other in self._webs.values():
            _end(other)
        self._webs = {workers: self._serve(workers)}

    @contextmanager
    def browser(self):
        """Sign Alice in; give her browser."""
        self.serving(next(iter(self._webs), 1))
        with Browser(self.place.web_port) as one:
            one.sign_in("alice@elm.example")
            yield one

    def fill(self, rows, a_day):
        """Have that many patients, each with an appointment, a reminder and a message that waits; tell the day's."""
        if not self._filled:
            self.ask(filling.begin, rows=rows, a_day=a_day)
            self._filled = rows
        elif rows > self._filled:
            self.ask(filling.grow, base=self._filled, rows=rows, a_day=a_day)
            self._filled = rows

    @contextmanager
    def working(self):
        """Run a worker meanwhile; gives its process id once it looks at the outbox."""
        since = self.ask(desk.now)
        process = self.new_worker()
        try:
            self.until(lambda: self.ask(filling.beaten_since, moment=since))
            yield process.pid
        finally:
            process.terminate()  # and what is in flight comes to its end
            process.join(ENDED_SECONDS)
            self.end(process)

    def start(self, *command):
        """Start a command of the site's with this site's settings; it ends with the site."""
        process = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._ends.callback(_end, process)
        return process

    @property
    def environment(self):
        """Return the variables a process of this site is started with."""
        told = {name.upper(): str(value) for name, value in asdict(self._settings).items()}
        return os.environ | told | {"TZ": "UTC"}

    @property
    def _settings(self):
        return replace(self.place.settings(), port=self.place.web_port)

    def _serve(self, workers):
        command = server_command(host=supervisor.HOST, port=self._settings.port, workers=workers)
        process = self.start(*command)
        self.until(self.answers)
        return process

    def answers(self):
        """Say whether the web server answers."""
        with suppress(OSError, urllib.error.HTTPError):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.place.web_port}/sign-in", timeout=5) as answer:
                return answer.status == 200
        return False

    def until(self, reached, within_seconds=READY_SECONDS):
        """Wait for something; RuntimeError when it does not come."""
        ends = time.monotonic() + within_seconds
        while not reached():
            if time.monotonic() > ends:
                raise RuntimeError("what was waited for did not come")
            time.sleep(0.02)


def flask(*command):
    """Write a command of the site's as an argument list."""
    return sys.executable, "-m", "flask", "--app", "wsgi", *command


def _end(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
