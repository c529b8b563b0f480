"""What each process of a campaign does. All are forked from one process that imported everything and opened nothing."""

import os
import signal
import threading

from werkzeug.serving import make_server

from reminder_site import failpoints, worker
from reminder_site.db import db
from reminder_site.sandbox.identity import Identity
from reminder_site.sandbox.server import SandboxServer
from tests.campaigns.place import die_with_parent


def play_sandbox(folder, inbound_url, pipe):
    """Be Twilio until the pipe closes: the only source of truth, never killed."""
    die_with_parent()
    with SandboxServer(port=0, db=folder / "sandbox.db", who=Identity(inbound_url=inbound_url)) as server:
        pipe.send(server.url)
        _wait_for_end(pipe)


def play_worker(place, failpoint="", by=signal.SIGKILL):
    """Be a worker with its queue consumer, as `make worker` starts it; die or stop at a fail-point if one is named."""
    failpoints.choose(failpoint, by)
    app = place.open("worker")
    worker.serve(app)


def play_web(place, failpoint=""):
    """Be the site's web process: here it only takes callbacks; die at a fail-point if one is named."""
    failpoints.choose(failpoint)
    app = place.open("web")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    make_server("127.0.0.1", place.web_port, app, threaded=True).serve_forever(poll_interval=0.05)


def play_desk(place, pipe, failpoint=""):
    """Do what the campaign asks of the database, one request at a time: (function, arguments) in, (ok, result) out.

    Die at a fail-point if one is named.
    """
    failpoints.choose(failpoint)
    app = place.open("desk")
    with app.app_context():
        while (request := _next(pipe)) is not None:
            function, arguments = request
            try:
                pipe.send((True, function(**arguments)))
            except Exception as error:  # noqa: BLE001 - whoever asked hears of it
                pipe.send((False, f"{type(error).__name__}: {error}"))
            finally:
                db.session.remove()


def _next(pipe):
    try:
        return pipe.recv()
    except EOFError:
        return None


def _wait_for_end(pipe):
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    while not ended.is_set() and not pipe.poll(0.2):
        pass
