"""Whoever is left finds the other dead: the web process a silent worker, the dead man's switch an ailing site."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select, text, update

from reminder_site.actions import heart
from reminder_site.db import db, transaction
from reminder_site.models import Alert, AlertWatch, Clinic, Heartbeat, RefusedWebhook
from reminder_site.watching import Watch
from tests import factories
from tests.outside import mail_server, web_server

# One database tells as much of these as two.
on_one = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def outside(app):
    """A mail server and a dead man's switch, and a site that is set up to tell them."""
    before = app.extensions["settings"]
    with mail_server() as (post, port), web_server() as (url, calls):
        ways = {"smtp_url": f"smtp://127.0.0.1:{port}", "alert_mail_to": "ops@elm.example", "deadman_url": f"{url}/abc"}
        app.extensions["settings"] = replace(before, alert_mail_from="site@elm.example", **ways)
        yield post.mails, calls
    app.extensions["settings"] = before


@pytest.fixture
def watch(app, clock):
    """A web process's watch."""
    watch = Watch(app, calls_dead_man=True, monotonic=clock.monotonic)
    yield watch
    watch.end()
    if watch._thread:
        watch._thread.join()


def looks(watch, clock, seconds):
    for _ in range(seconds // 30):
        clock.forward(seconds=30)
        watch.look()


def pings(calls):
    return [path for _, path, _, _ in calls]


def test_a_web_process_finds_the_worker_dead_and_tells_within_five_minutes(clinic, watch, clock, outside):
    mails, calls = outside
    heart.beat(now=clock.now())
    looks(watch, clock, 90)
    assert (mails, set(pings(calls))) == ([], {"/abc"})
    looks(watch, clock, 60)
    assert [mail["Subject"] for mail, _, _ in mails] == ["[localhost] The worker is silent - act now"]
    assert pings(calls)[-1] == "/abc/fail"


@on_one
def test_the_switch_is_called_once_a_minute_by_all_web_processes_together(app, clinic, watch, clock, outside):
    other, silent = Watch(app, calls_dead_man=True), Watch(app, calls_dead_man=False)
    for _ in range(5):
        heart.beat(now=clock.now())
        for each in (watch, other, silent):
            each.look()
        clock.forward(seconds=30)
    assert pings(outside[1]) == ["/abc"] * 3


@on_one
def test_a_rehearsal_tells_nobody_and_calls_no_switch(clinic, watch, clock, outside):
    heart.beat(now=clock.now())
    with transaction() as session:
        session.execute(update(Heartbeat).values(rehearsal_since=clock.now()))
    looks(watch, clock, 600)
    db.session.rollback()
    assert (outside, db.session.scalar(select(func.count()).select_from(Alert))) == (([], []), 0)


def test_a_database_that_takes_nothing_pulls_the_switch(clinic, watch, clock, outside):
    heart.beat(now=clock.now())
    with transaction() as session:
        session.execute(text("ALTER TABLE alert_watch RENAME TO alert_watch_away"))
    try:
        looks(watch, clock, 120)
    finally:
        with transaction() as session:
            session.execute(text("ALTER TABLE alert_watch_away RENAME TO alert_watch"))
    assert pings(outside[1]) == ["/abc/fail"] * 2


@on_one
def test_mails_that_nobody_takes_pull_the_switch(clinic, watch, clock, outside, app):
    app.extensions["settings"] = replace(app.extensions["settings"], smtp_url="smtp://127.0.0.1:9")
    for minutes in (0, 14, 1):
        clock.forward(minutes=minutes)
        heart.beat(now=clock.now())
        with transaction() as session:
            session.execute(update(Heartbeat).values(clock_skew_seconds=400, skewed_at=clock.now()))
        watch.look()
    assert pings(outside[1]) == ["/abc", "/abc", "/abc/fail"]


def test_refused_webhooks_are_written_down_by_the_watch_though_no_more_come(client, clinic, watch, clock):
    for _ in range(3):
        assert client.post("/webhooks/twilio/inbound", data={"Body": "x"}).status_code == 403
    watch.look()
    db.session.rollback()
    assert db.session.scalar(select(func.sum(RefusedWebhook.times))) == 3


@on_one
def test_it_has_one_thread_of_each_process(app, watch):
    watch.begin()
    first = watch._thread
    watch.begin()
    assert watch._thread is first and first.daemon
    watch._pid -= 1  # as in a process that was forked: threads stay behind
    watch.begin()
    assert watch._thread is not first
    watch.end()
    first.join()


def test_the_thread_looks_at_once_when_somebody_waits(app, watch, clinic):
    factories.a_staff(clinic)
    watch.begin()
    watch.soon()
    for _ in range(200):
        db.session.rollback()
        if db.session.scalar(select(AlertWatch.judged_at)) is not None:
            break
        watch._thread.join(0.05)
    assert db.session.scalar(select(AlertWatch.judged_at)) is not None
    assert db.session.scalar(select(Clinic.id)) == clinic.id


@on_one
def test_a_site_without_any_setting_only_keeps_its_state(clinic, watch, clock):
    looks(watch, clock, 180)
    db.session.rollback()
    assert db.session.scalars(select(Alert.rule)).all() == ["worker_silent"]
