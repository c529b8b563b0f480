"""The real queue on SQLite, PostgreSQL and Redis: a hint wakes a sleeping worker, now or later; it carries nothing."""

import gc
import pickle
import signal
import threading
import time
from queue import Empty, Queue

import pytest
from flask_migrate import upgrade

from reminder_site.app import create_app
from reminder_site.config import Settings
from reminder_site.db import db
from reminder_site.gateways.alarms import Alarms, make_queue
from reminder_site.worker import Worker
from tests import conftest
from tests.delivering import a_text
from tests.stores import needed, postgres_url, redis_url

KEY = b"k" * 32
STORES = ["sqlite", "postgresql", "redis"]


# Huey leaves the connections its threads listen on to the garbage collector, which says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")


@pytest.fixture(params=STORES)
def url(request, tmp_path, worker_id):
    """The address of an empty queue that no other test run uses."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/queue.db"
    elif request.param == "redis":
        mine = 6 + int(worker_id.removeprefix("gw").replace("master", "0")) % 9
        yield needed(redis_url(), "Redis").rsplit("/", 1)[0] + f"/{mine}"
    else:
        needed(postgres_url(), "PostgreSQL")
        database = conftest._new_database()
        yield database
        gc.collect()
        conftest._drop_database(database)


@pytest.fixture
def woken():
    return threading.Event()


@pytest.fixture
def alarms(url, woken):
    alarms = Alarms(make_queue(url, KEY), look=woken.set)
    alarms.huey.flush()
    yield alarms
    alarms.flush(20)
    alarms.huey.flush()
    alarms.close()


@pytest.fixture
def queue(alarms):
    return alarms.huey


@pytest.fixture
def signals():
    """What happens on a signal is afterwards what it was: a consumer of Huey's changes it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def listening(alarms, signals):
    """The queue is listened to, as the worker does."""
    alarms.listen()


def test_a_hint_wakes_a_sleeping_worker(listening, alarms, woken):
    alarms.now()
    assert woken.wait(20)


def test_a_delayed_hint_wakes_it_later_and_not_before(listening, alarms, woken):
    began = time.monotonic()
    alarms.in_seconds(1.5)
    assert not woken.wait(0.5)
    assert woken.wait(20)
    assert time.monotonic() - began >= 1.4


def test_hints_given_while_nobody_listens_are_heard_afterwards(queue, alarms, woken, request):
    for number in range(1, 4):
        alarms.now()
        assert alarms.flush(20)
        assert queue.pending_count() == number
    request.getfixturevalue("listening")
    assert woken.wait(20)


def test_a_hint_is_signed_and_says_nothing(queue, alarms):
    alarms.now()
    assert alarms.flush(20)
    (kept,) = [bytes(data) for data in queue.storage.enqueued_items()]
    assert b"look_at_the_outbox" in kept
    assert len(kept) < 400
    serializer = queue.serializer
    assert not serializer.deserialize(kept).args
    for forged in (pickle.dumps("anything"), kept[:-1] + bytes([kept[-1] ^ 1]), b"x" + kept):
        with pytest.raises(ValueError):
            serializer.deserialize(forged)


def test_a_forged_hint_runs_nothing_and_stops_nothing(listening, queue, alarms, woken, tmp_path):
    planted = tmp_path / "planted"
    queue.storage.enqueue(pickle.dumps(Bomb(str(planted))))
    alarms.now()
    assert woken.wait(20)
    assert not planted.exists()


class Bomb:
    """What whoever can write to the queue would plant: unpickled, it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_no_word_of_a_patient_enters_the_queue(app, clinic, worker, clock):
    alarms = app.extensions["alarms"]
    assert alarms.flush(20)
    alarms.huey.flush()
    a_text(clinic, clock.now(), in_minutes=10, to_e164="+12125550142", body="Dear Carol Reed, see you.")
    a_text(clinic, clock.now(), in_minutes=0, to_e164="+12125550143", body="Dear Carol Reed, come now.")
    assert alarms.flush(20)
    storage = alarms.huey.storage
    kept = [bytes(d) for d in [*storage.enqueued_items(), *storage.scheduled_items()]]
    assert len(kept) >= 2
    assert not [d for d in kept for secret in (b"Carol", b"Reed", b"2125550142") if secret in d]


@pytest.mark.parametrize("url", ["mysql://x", "", "amqp://x"])
def test_an_unknown_queue_is_refused_by_name(url):
    with pytest.raises(ValueError, match="QUEUE_URL"):
        make_queue(url, KEY)


class Looking(Worker):
    """A worker that only notes when it looks: what it would do then is proved elsewhere."""

    def __init__(self, app):
        super().__init__(app)
        self.looks = Queue()

    def look(self, submit):
        self.looks.put(time.monotonic())
        return 0


@pytest.fixture
def running(url, alarms, signals, tmp_path):
    """A worker as it runs against the real Twilio, its next sweep an hour away."""
    settings = Settings(
        secret_key="tests-only-secret-of-more-than-thirty-two-bytes",
        database_url=f"sqlite:///{tmp_path}/site.db",
        queue_url=url,
        sweep_seconds=3600,
    )
    app = create_app(settings)
    with app.app_context():
        upgrade(revision="head")
    worker, heard = Looking(app), app.extensions["alarms"]
    heard.listen()
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    yield worker
    worker.stopping.set()
    worker.wake.set()
    thread.join(20)
    heard.close()
    with app.app_context():
        db.engine.dispose()
    assert not thread.is_alive()


def test_a_hint_from_elsewhere_wakes_a_worker_whose_sweep_is_an_hour_away(running, url):
    running.looks.get(timeout=20)
    with pytest.raises(Empty):
        running.looks.get(timeout=1.5)
    elsewhere = Alarms(make_queue(url, running.settings.keys("queue")[0]), look=lambda: None)
    elsewhere.now()
    running.looks.get(timeout=20)
    asked_at = time.monotonic()
    elsewhere.in_seconds(1)
    assert running.looks.get(timeout=20) - asked_at >= 0.9
    elsewhere.close()
