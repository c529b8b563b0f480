"""A real browser, and two sites for it: the whole one as processes, as `make run` starts it but in a folder of the
test's own; and one in this process whose clock stands still, for looking at many pages quickly.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from reminder_site.db import db
from tests import factories
from tests.conftest import MONDAY, StillClock
from tests.stores import chromium

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "instance" / "story"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PYTHON = [sys.executable, "-m"]


class LiveSite:
    """The sandbox, the web server and the worker, each a process; ended by id."""

    def __init__(self, folder):
        self.port, self.sandbox_port = _free_port(), _free_port()
        self.url, self.phones = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.sandbox_port}"
        self.env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | self._settings(folder)
        self.log = (folder / "output.txt").open("w")
        self.running = []

    def start(self):
        sandbox = ["reminder_site.sandbox", "--port", str(self.sandbox_port), "--db", f"{self.log.name}.sandbox.db"]
        self._spawn([*sandbox, "--inbound-url", f"{self.url}/webhooks/twilio/inbound"])
        subprocess.run([*PYTHON, "flask", "--app", "wsgi", "db", "upgrade"], **self._process(), check=True)
        server = ["granian", "--interface", "rsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(self.port)]
        self._spawn([*server, "wsgi:served"])
        self._spawn(["flask", "--app", "wsgi", "worker"])
        wait_until(lambda: self._answers(f"{self.url}/healthz"), "the site answers", seconds=90)

    def stop(self):
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            process.wait(30)
        self.log.close()

    def held(self):
        """What the sandbox holds, oldest first."""
        return self.ask("/_sandbox/messages")["messages"]

    def ask(self, path):
        with urllib.request.urlopen(self.phones + path, timeout=10) as answer:
            return json.load(answer)

    def _spawn(self, command):
        self.running.append(subprocess.Popen([*PYTHON, *command], **self._process()))

    def _process(self):
        return {"cwd": ROOT, "env": self.env, "stdout": self.log, "stderr": subprocess.STDOUT}

    def _settings(self, folder):
        return {
            "SECRET_KEY": "browser-tests-only-0123456789abcdefghij",
            "TZ": "UTC",
            "DATABASE_URL": f"sqlite:///{folder / 'site.db'}",
            "QUEUE_URL": f"sqlite:///{folder / 'queue.db'}",
            "PUBLIC_BASE_URL": self.url,
            "TWILIO_ACCOUNT_SID": "AC" + "5a" * 16,
            "TWILIO_AUTH_TOKEN": "sandbox-auth-token-for-local-use",
            "TWILIO_MESSAGING_SERVICE_SID": "MG" + "5a" * 16,
            "TWILIO_BASE_URL": self.phones,
        }

    def _answers(self, url):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


def wait_until(reached, what, seconds=30):
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(0.1)
    raise AssertionError(f"it did not happen within {seconds} s: {what}")


@pytest.fixture(scope="session")
def live_site(tmp_path_factory):
    """The site on an empty database, running."""
    site = LiveSite(tmp_path_factory.mktemp("live"))
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium, driven by playwright."""
    if not chromium():
        pytest.skip("chromium is not here")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def window(browser, **options):
    """Open a fresh browser window at 1280 × 800 that complains about errors on its pages."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US", **options)
    page = context.new_page()
    troubles = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    # The browser notes every refusal on the console; refusals are what some of these tests are about.
    assert not [told for told in troubles if "the server responded with a status of 4" not in told], troubles


@pytest.fixture
def page(browser):
    """A browser window."""
    with window(browser) as page:
        yield page


class Quiet(WSGIRequestHandler):
    """Serves without a line for each request."""

    def log(self, kind, message, *values):
        """Say nothing."""


class Served:
    """The site in this process, at MONDAY until its clock is moved, its database open to the test."""

    def __init__(self, app, url):
        self.app, self.url, self.clock = app, url, app.extensions["clock"]

    def sign_in(self, page, clinic, role="reception"):
        """Put Alice at a window, signed in; returns who she is."""
        client = self.app.test_client()
        staff = factories.sign_in(client, clinic, role)
        cookie = client.get_cookie("session")
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.url}])
        return staff

    def sign_in_by_form(self, page, clinic):
        """Sign Alice in through the page itself, which leads to the day list."""
        staff = factories.a_staff(clinic)
        page.goto(f"{self.url}/sign-in")
        page.locator("#email").fill(staff.email)
        page.locator("#password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state()


@pytest.fixture
def served(sites, sandbox):
    """The site, freshly emptied, served to a browser from a thread of this process."""
    site = sites("sqlite")
    site.empty()
    site.app.extensions["clock"] = StillClock(MONDAY, sandbox)
    server = make_server("127.0.0.1", 0, site.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with site.app.app_context():
        yield Served(site.app, f"http://127.0.0.1:{server.server_port}")
        db.session.remove()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def picture(page):
    """Keep a picture of the page under instance/story."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    return lambda name: page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
