"""What every test but the pure ones shares: a fresh site on each database, the sandbox, a clock that stands still."""

import gzip
import hashlib
import os
import re
import shutil
import sqlite3
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import html5lib
import pendulum
import psycopg
import pytest
from flask import g, has_app_context
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import settings as hypothesis_settings
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from reminder_site.actions.refused_webhooks import Refusals
from reminder_site.app import create_app
from reminder_site.config import Settings
from reminder_site.db import Base, db
from reminder_site.sandbox.identity import ACCOUNT_SID, AUTH_TOKEN, MESSAGING_SERVICE_SID
from reminder_site.sandbox.server import SandboxServer
from reminder_site.worker import Worker
from tests import factories
from tests.lock_order import LockOrder
from tests.order import pytest_collection_finish, pytest_collection_modifyitems
from tests.stores import needed, postgres_url, pytest_configure, pytest_terminal_summary

# The suite tries the same cases every time, so that a red run means a change; `make campaign` looks for new ones.
hypothesis_settings.register_profile("steady", derandomize=True)
hypothesis_settings.register_profile("searching")
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
__all__ = ["pytest_collection_finish", "pytest_collection_modifyitems", "pytest_configure", "pytest_terminal_summary"]
ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
MEMORY = Path("/dev/shm")
SECRET = "tests-only-secret-of-more-than-thirty-two-bytes"
MONDAY = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")

# Parsing is slow. A page that differs from one found well only in its ids and tokens, each told apart, is as well.
DRAWN_BY_LOT = re.compile(r'(?<=["/])[\w.-]{16,}(?=["/?#<])', re.ASCII)
found_well = set()

# Ten times as fast as TRUNCATE, which makes new files; triggers and foreign keys sleep meanwhile.
EMPTY_POSTGRES = ";".join(
    [
        "SET session_replication_role = replica",
        *(f'DELETE FROM "{name}"' for name in Base.metadata.tables),
        "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
        "SET session_replication_role = DEFAULT",
    ]
)


@event.listens_for(Engine, "connect")
def _answer_backwards(dbapi_connection, record):
    """Have SQLite answer in the other order wherever a query names none, as PostgreSQL may on any day."""
    if isinstance(dbapi_connection, sqlite3.Connection):
        dbapi_connection.execute("PRAGMA reverse_unordered_selects = ON").fetchall()


class StillClock:
    """A clock that moves only when told to, and moves the sandbox's with it; also the stopwatch of the worker."""

    def __init__(self, now, sandbox):
        self._now, self._sandbox, self._start = now, sandbox, now
        self.machine = now

    def now(self):
        return self._now

    def machine_now(self):
        return self.machine

    def monotonic(self):
        return (self._now - self._start).total_seconds()

    def set(self, moment):
        self._now = moment.in_timezone("UTC")
        self._sandbox.exchange.clock.set(self._now.timestamp(), speed=0)

    def forward(self, **durations):
        self.set(self._now.add(**durations))

    def let_pass(self, seconds):
        """Let the machine's own clock go on, while somebody reads a page."""
        self.machine = self.machine.add(seconds=seconds)


class CheckedClient(FlaskClient):
    """A browser that refuses pages whose HTML is broken, or that carry a style, a script or a handler in line."""

    def open(self, *args, **kwargs):
        for left_by_the_last_request in list(g) if has_app_context() else ():
            g.pop(left_by_the_last_request)
        response = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and response.data and not response.is_streamed:
            page = response.get_data()
            zipped = response.headers.get("Content-Encoding") == "gzip"
            check_html((gzip.decompress(page) if zipped else page).decode())
        return response


def check_html(page):
    """Raise on a page that is not well-formed HTML5, doubles an id, or would break the content policy."""
    names = {}
    plain = DRAWN_BY_LOT.sub(lambda drawn: names.setdefault(drawn[0], f"\udfff{len(names)}"), page)
    mark = hashlib.sha256(plain.encode(errors="surrogatepass")).digest()
    if mark not in found_well:
        _parse_and_check(page)
        found_well.add(mark)


def _parse_and_check(page):
    whole = page.lstrip().lower().startswith("<!doctype")
    parser = html5lib.HTMLParser(strict=whole, namespaceHTMLElements=False)
    tags = list((parser.parse(page) if whole else parser.parseFragment(page)).iter())
    ids = [tag.get("id") for tag in tags if tag.get("id")]
    assert len(ids) == len(set(ids)), f"an id stands twice: {sorted(i for i in ids if ids.count(i) > 1)}"
    in_line = [name for tag in tags for name in tag.keys() if name == "style" or str(name).startswith("on")]
    assert not in_line, f"a style or a handler stands in line: {in_line}"
    assert not [tag for tag in tags if tag.tag == "script" and not tag.get("src")], "a script stands in line"
    labels = {tag.get("for") for tag in tags if tag.tag == "label"} - {None}
    assert labels <= set(ids), f"labels without their field: {labels - set(ids)}"


@pytest.fixture(scope="session")
def sites_folder(tmp_path_factory):
    """Where this process keeps its sites: in memory where there is room, for no test cuts the power."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2**28:
        with TemporaryDirectory(prefix="reminder-tests-", dir=MEMORY) as folder:
            yield Path(folder)
    else:
        yield tmp_path_factory.mktemp("sites")


@pytest.fixture(scope="session")
def sandbox_server(sites_folder):
    """One sandbox for all tests of this process."""
    with SandboxServer(port=0, db=sites_folder / "sandbox.db") as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server):
    """The sandbox, empty, its clock standing at MONDAY."""
    sandbox_server.exchange.reset()
    sandbox_server.exchange.clock.set(MONDAY.timestamp(), speed=0)
    return sandbox_server


@pytest.fixture(scope="session")
def sites(sandbox_server, sites_folder):
    """The site on each database, made when first asked for."""
    made = {}

    def site(store):
        if store not in made:
            (sites_folder / store).mkdir()
            made[store] = Site(store, sites_folder / store, sandbox_server.url)
        return made[store]

    yield site
    for one in made.values():
        one.close()


class Site:
    """The site on one database, which can be emptied quickly."""

    def __init__(self, store, folder, sandbox_url):
        self.store, self.file, self.full = store, folder / "site.db", folder / "empty.db"
        url = f"sqlite:///{self.file}" if store == "sqlite" else _new_database()
        queue, kept = f"sqlite:///{folder / 'queue.db'}", folder / "kept"
        self.app = create_app(test_settings(url, queue, sandbox_url, data_folder=str(kept)))
        self.app.test_client_class = CheckedClient
        self.lock_order = None
        self.app.testing = True
        with self.app.app_context():
            _migrate()
            if store == "postgresql":
                self.lock_order = LockOrder(db.engine)
            if store == "sqlite":
                db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
                db.session.remove()
                db.engine.dispose()
                shutil.copy(self.file, self.full)

    def empty(self):
        """Bring the database back to how migrations leave it, and what is kept beside it."""
        shutil.rmtree(self.app.extensions["settings"].data_path, ignore_errors=True)
        with self.app.app_context():
            db.session.remove()
            if self.store == "sqlite":
                db.engine.dispose()
                for rest in ("-wal", "-shm"):
                    Path(f"{self.file}{rest}").unlink(missing_ok=True)
                shutil.copy(self.full, self.file)
            else:
                with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
                    c.exec_driver_sql(EMPTY_POSTGRES)

    def close(self):
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
            if self.store == "postgresql":
                _drop_database(self.app.extensions["settings"].database_url)
        self.app.extensions["sms"].close()
        self.app.extensions["alarms"].close()


def test_settings(database_url, queue_url, sandbox_url, **more):
    """Settings of a site that runs against a sandbox."""
    more = {"backup_minutes": 0} | more
    return Settings(
        secret_key=SECRET,
        database_url=database_url,
        queue_url=queue_url,
        public_base_url="http://localhost",
        twilio_account_sid=ACCOUNT_SID,
        twilio_auth_token=AUTH_TOKEN,
        twilio_messaging_service_sid=MESSAGING_SERVICE_SID,
        twilio_base_url=sandbox_url,
        **more,
    )


test_settings.__test__ = False


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request, sites, sandbox):
    """The site, freshly emptied, at MONDAY, inside its application context."""
    if request.param == "postgresql":
        needed(postgres_url(), "PostgreSQL")
    site = sites(request.param)
    site.empty()
    site.app.extensions["clock"] = StillClock(MONDAY, sandbox)
    site.app.extensions["wake"].clear()
    site.app.extensions["refusals"] = Refusals()
    if site.lock_order:
        site.lock_order.forget()
    with site.app.app_context():
        yield site.app
        db.session.remove()
    assert not (site.lock_order and site.lock_order.wrong), site.lock_order.wrong


@pytest.fixture
def clock(app):
    """The site's clock, which stands still until told otherwise."""
    return app.extensions["clock"]


@pytest.fixture
def now(clock):
    """MONDAY: 2 November 2026, 9:00 am in New York."""
    return clock.now()


@pytest.fixture
def worker(app, clock):
    """A worker that does what is due when `settle()` is called."""
    return Worker(app, monotonic=clock.monotonic)


@pytest.fixture
def client(app):
    """A browser that checks every page."""
    return app.test_client()


@pytest.fixture
def clinic(app):
    """Elm Clinic in New York, with its default rules."""
    return factories.a_clinic()


def _new_database():
    name = f"reminder_test_{uuid.uuid4().hex}"
    _on_server(f'CREATE DATABASE "{name}"')
    _on_server(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # no test cuts the power
    return postgres_url().rsplit("/", 1)[0] + f"/{name}"


def _drop_database(url):
    name = url.rsplit("/", 1)[1]
    _on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _on_server(statement):
    with psycopg.connect(postgres_url(), autocommit=True) as server:
        server.execute(statement)


def _migrate():
    upgrade(revision="head")
