"""A sandbox to speak with through the real SDK, and a listener that stands for the site's webhooks."""

import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pendulum
import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from reminder_site.sandbox import identity
from reminder_site.sandbox.server import SandboxServer

START = pendulum.datetime(2026, 3, 2, 9, 0, 0, tz="UTC")
PATIENT = "+12025550123"
PATIENCE_S = 20
SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


class Sandbox:
    """The sandbox as a test sees it: the SDK's client, the switches, and waiting until all is quiet."""

    def __init__(self, server):
        self.server, self.url = server, server.url
        self.client = sdk(server.url)
        self.messages = self.client.messages

    def text(self, body="Hello", to=PATIENT, **more):
        """Create a text through the Messaging Service."""
        return self.messages.create(to, body=body, messaging_service_sid=identity.MESSAGING_SERVICE_SID, **more)

    def schedule(self, at, body="Hello", **more):
        return self.text(body, schedule_type="fixed", send_at=at, **more)

    def ask(self, method, path, body=None):
        """Use one of the sandbox's own switches; gives status and JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def set_clock(self, now=None, **more):
        """Set the clock; everything due by then has been sent when this returns."""
        status, answer = self.ask("PUT", "clock", more | ({"now": now.to_iso8601_string()} if now else {}))
        assert status == 200, answer

    def faults(self, **wanted):
        status, answer = self.ask("PUT", "faults", wanted)
        assert status == 200, answer

    def rule(self, kind, **more):
        self.faults(rules=[{"kind": kind} | more])

    def held(self, query=""):
        return self.ask("GET", f"messages{query}")[1]["messages"]

    def inbound(self, body, sender=PATIENT, **more):
        status, answer = self.ask("POST", "inbound", {"from": sender, "body": body} | more)
        assert status == 201, answer
        return answer

    def settle(self):
        """Wait until nothing is due and no callback is under way."""
        until(lambda: self.ask("GET", "idle")[1]["idle"])


def until(condition):
    """Wait for something that other threads bring about."""
    ends_at = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_at, "it never came"
        time.sleep(0.005)


def sdk(url, timeout=10):
    client = Client(
        identity.ACCOUNT_SID,
        identity.AUTH_TOKEN,
        http_client=TwilioHttpClient(timeout=timeout),
        environment={"TWILIO_REGION": ""},
    )
    client.api.base_url = url
    for name in ("messaging", "lookups", "content"):
        getattr(client, name).base_url = f"{url}/{name}"
    return client


@dataclass
class Heard:
    """One request that a webhook got."""

    url: str
    headers: dict
    form: dict


@dataclass
class Listener:
    """The site's webhooks as far as the sandbox can tell; answers what `answers` says, 204 by default."""

    url: str = ""
    heard: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, heard):
        with self.lock:
            self.heard.append(heard)
            return self.answers.pop(0) if self.answers else (204, "text/xml", "")

    def statuses(self, sid=None):
        return [heard.form["MessageStatus"] for heard in self.heard if sid in (None, heard.form["MessageSid"])]


class Webhook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        heard = Heard(self.server.listener.url + self.path, dict(self.headers), dict(parse_qsl(body, True)))
        status, kind, text = self.server.listener.hear(heard)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def listening():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    server.listener = Listener(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.listener
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def listener(listening):
    """Webhooks that have heard nothing yet."""
    listening.heard.clear()
    listening.answers.clear()
    return listening


@pytest.fixture(scope="session")
def server(tmp_path_factory, listening):
    who = identity.Identity(inbound_url=f"{listening.url}/inbound")
    with SandboxServer(port=0, db=tmp_path_factory.mktemp("sandbox") / "sandbox.db", who=who) as server:
        yield server


@pytest.fixture
def sandbox(server, listener):
    """An empty sandbox whose clock stands still at START."""
    sandbox = Sandbox(server)
    assert sandbox.ask("POST", "reset") == (200, {"reset": True})
    sandbox.set_clock(START, speed=0)
    yield sandbox
    sandbox.client.http_client.session.close()
