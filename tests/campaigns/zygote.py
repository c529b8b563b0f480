"""The process that all others of a campaign are forked from: importing this is what it does, once.

It imports everything and plays the site for a moment, so that none begins cold. What it has open meanwhile, a database,
a sandbox and its threads, is gone before anybody is forked.
"""

import tempfile
import threading
import time
from pathlib import Path

import flask_migrate  # noqa: F401 - for the desk
import twilio.rest.api  # noqa: F401 - the SDK imports it when it is first asked for a text

from reminder_site.actions import receipts
from reminder_site.app import create_app
from reminder_site.db import Base, db, migration_connection
from reminder_site.sandbox.server import SandboxServer
from reminder_site.worker import Worker
from tests.campaigns import desk, roles, statements  # noqa: F401 - the roles are what is forked
from tests.campaigns.place import Place

PACE, LOOKS, BETWEEN_LOOKS_SECONDS = 1000, 4, 0.1
ENDED_WITHIN_SECONDS = 10
TROUBLES = [{"kind": kind, "next": 1} for kind in ("rate_limit_429", "error_before", "error_after")]


def rehearse():
    """Hand over, clear up, take back and hear of some texts, on SQLite; keep the statements."""
    with tempfile.TemporaryDirectory() as folder, SandboxServer() as sandbox:
        stores = "sqlite:///:memory:", f"sqlite:///{folder}/queue.db"
        app = create_app(Place(Path(folder), *stores, sandbox.url, web_port=0, speed=PACE).settings())
        statements.keep(app)
        with app.app_context():
            _play(app, sandbox.exchange)
            db.session.remove()
            db.engine.dispose()
        app.extensions["sms"].close()
        app.extensions["alarms"].close()
    _until_alone()


def _play(app, exchange):
    with migration_connection() as connection:
        Base.metadata.create_all(connection)
    exchange.faults.put({"rules": TROUBLES, "callbacks": {"lost": 1.0}})
    spread = {"now": 1, "scheduled": 1}
    ids = desk.seed(desk.found_clinic(), first=0, count=8, draw=1, spread=spread)
    worker = Worker(app)
    for _ in range(LOOKS):
        worker.settle()
        time.sleep(BETWEEN_LOOKS_SECONDS)
    for text in exchange.store.messages():
        token = text.status_callback.partition("#")[0].rpartition("/")[2]
        receipts.receive_status(token=token, sid=text.sid, status="sent", error_code=None, now=desk.now())
    desk.take_back(ids)
    worker.settle()
    desk.at_rest(), desk.handed_over(), desk.ledger(), desk.looks_before(desk.now())


def _until_alone():
    """Wait until this thread is the only one: a fork copies no other, but whatever that one had locked."""
    ends = time.monotonic() + ENDED_WITHIN_SECONDS
    while threading.active_count() > 1:
        if time.monotonic() > ends:
            raise RuntimeError(f"still there after the rehearsal: {threading.enumerate()}")
        time.sleep(0.01)


rehearse()
