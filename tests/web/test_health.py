"""What is down, since when, and what it means for patients: the header and /healthz tell the same truth."""

import html

import pendulum
import pytest
from sqlalchemy import update

from reminder_site.actions import heart, throttling
from reminder_site.db import db, transaction
from reminder_site.domain.delivery import Pace
from reminder_site.models import Heartbeat
from tests import factories
from tests.delivering import a_text
from tests.web.desk import page

HOLDS = "Reminders Twilio already holds still leave; all others wait here"


@pytest.fixture
def dana(client, clinic):
    factories.sign_in(client, clinic)
    return client


def silent_worker(clinic, clock):
    clock.forward(minutes=12)
    return "down", "The worker does not run", HOLDS


def refused_account(clinic, clock):
    with transaction() as session:
        heart.open_circuit(session, "20003", clock.now())
    clock.forward(minutes=11)
    with transaction() as session:
        heart.open_circuit(session, "20003", clock.now())
    clock.forward(minutes=1)
    return "down", "Twilio refuses us (20003)", f"{HOLDS}. A manager has to look at the Twilio account"


def silent_twilio(clinic, clock):
    throttling.fall_silent(since=clock.now(), why="no line", pace=Pace(), now=clock.now().add(seconds=40))
    clock.forward(minutes=12)
    return "down", "Twilio does not answer", f"{HOLDS}, and leave by themselves once it answers"


def slowed(clinic, clock):
    throttling.slow_down(now=clock.now().add(minutes=11, seconds=30))
    clock.forward(minutes=12)
    return "degraded", "After some trouble texts leave more slowly", "Texts that wait leave one after the other"


def wrong_clock(clinic, clock):
    theirs = clock.now().subtract(seconds=400)
    heart.hear(theirs=theirs, took=False, now=clock.now())
    clock.forward(minutes=11)
    heart.hear(theirs=theirs.add(minutes=11), took=False, now=clock.now())
    clock.forward(minutes=1)
    return "down", "This machine's clock is 400 s off Twilio's", f"{HOLDS} until the clock is set right"


def clock_a_little_off(clinic, clock):
    heart.hear(theirs=clock.now().add(seconds=45), took=False, now=clock.now())
    clock.forward(minutes=12)
    return "degraded", "This machine's clock is 45 s off Twilio's", "Texts may leave that much off their time"


def on_hold(clinic, clock):
    with transaction() as session:
        session.execute(update(Heartbeat).values(hold_since=clock.now(), hold_why="a backup was put back"))
    clock.forward(minutes=12)
    return "degraded", "Sending is on hold (a backup was put back)", f"{HOLDS} until it is certain who was texted"


def overdue(clinic, clock):
    a_text(clinic, clock.now())
    a_text(clinic, clock.now().add(minutes=5))
    clock.forward(minutes=12)
    return "degraded", "2 texts are overdue", "They leave as soon as they can, while they are of use"


TROUBLES = {
    "worker": [silent_worker, on_hold],
    "twilio": [refused_account, silent_twilio, slowed, wrong_clock, clock_a_little_off],
    "texts": [overdue],
}


@pytest.mark.parametrize(("name", "trouble"), [(name, t) for name, several in TROUBLES.items() for t in several])
def test_the_header_and_the_health_page_say_what_since_when_and_what_it_means(dana, clinic, clock, name, trouble):
    heart.beat(now=clock.now())
    began = clock.now()
    status, words, means = trouble(clinic, clock)
    if trouble is not silent_worker:
        heart.beat(now=clock.now())
    if trouble is slowed:
        began = began.add(minutes=11, seconds=30)
    answer = dana.get("/healthz")
    check = answer.get_json()["checks"][name]
    assert (answer.status_code, check["status"]) == (503 if status == "down" else 200, status)
    assert pendulum.parse(check["since"]) == began
    assert check["words"].lower() == words.lower()
    assert check["means_for_patients"].startswith(means)
    assert check.get("detail") == ("no line" if trouble is silent_twilio else None)
    shown = html.unescape(page(dana, "/"))
    local = "9:11 am (30 s)" if trouble is slowed else "9:00 am (12 min)"
    assert f"{words}, since {local}. {means}" in shown
    others = [each["status"] for other, each in answer.get_json()["checks"].items() if other != name]
    assert set(others) == {"ok"}


def test_a_fresh_site_is_well_and_says_no_more(dana, clock):
    heart.beat(now=clock.now())
    told = dana.get("/healthz").get_json()
    assert told["status"] == "ok"
    assert {tuple(sorted(check)) for check in told["checks"].values()} == {("status", "words")}
    assert 'class="banner" data-level="warn" role' not in page(dana, "/")


def test_a_queue_that_does_not_answer_costs_punctuality_alone_and_is_told_since_when(app, client, clock, monkeypatch):
    heart.beat(now=clock.now())
    began = clock.now()
    well = app.extensions["alarms"].huey.storage
    monkeypatch.setattr(app.extensions["alarms"].huey, "storage", None)
    client.get("/healthz")
    clock.forward(seconds=50)
    answer = client.get("/healthz")
    check = answer.get_json()["checks"]["queue"]
    assert (answer.status_code, check["status"], pendulum.parse(check["since"])) == (200, "degraded", began)
    assert check["means_for_patients"] == "Nothing is lost: texts leave up to 15 s after their time"
    monkeypatch.setattr(app.extensions["alarms"].huey, "storage", well)
    assert client.get("/healthz").get_json()["checks"]["queue"] == {"status": "ok", "words": "answers"}


def test_a_trouble_that_is_over_is_gone_from_header_and_health_page(dana, clinic, clock):
    heart.beat(now=clock.now())
    throttling.fall_silent(since=clock.now(), why="no line", pace=Pace(), now=clock.now())
    throttling.hear_again(now=clock.now())
    with transaction() as session:
        heart.open_circuit(session, "20003", clock.now())
    heart.hear(theirs=clock.now(), took=True, now=clock.now())
    clock.forward(minutes=2)
    heart.beat(now=clock.now())
    assert client_status(dana) == "ok"
    with transaction() as session:
        heart.open_circuit(session, "20003", clock.now())
    since = dana.get("/healthz").get_json()["checks"]["twilio"]["since"]
    assert pendulum.parse(since) == clock.now(), "an earlier refusal is another story"
    db.session.rollback()


def client_status(client):
    return client.get("/healthz").get_json()["status"]
