"""Notices of alerts reach a real mail server and a real web server, once, and are tried again until they are taken."""

import json
import threading
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook

from reminder_site.actions import alerts, notices
from reminder_site.db import db, transaction
from reminder_site.domain.alert_measures import Figures
from reminder_site.domain.notice_retries import RETRY_SECONDS
from reminder_site.models import AlertNotice
from tests.outside import mail_server, web_server
from tests.stores import postgres_url

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def set_up(app):
    """Sets how people are told; the site's own settings come back afterwards."""
    before = app.extensions["settings"]

    def ways(**given):
        app.extensions["settings"] = replace(before, **given)

    yield ways
    app.extensions["settings"] = before


@pytest.fixture
def by_mail(set_up):
    with mail_server() as (post, port):
        to = "ops@elm.example,night@elm.example"
        set_up(smtp_url=f"smtp://127.0.0.1:{port}", alert_mail_to=to, alert_mail_from="site@elm.example")
        yield post


def fire(now, **found):
    """Have a silent worker be seen twice, and whatever else there is with the second look."""
    silent = Figures(beat_at=now.subtract(minutes=10))
    for at, seen in ((now.subtract(seconds=30), silent), (now, replace(silent, **found))):
        alerts.look(found=seen, usual_at=now, now=at)


def by_webhook(set_up, url):
    set_up(alert_webhook_url=f"{url}/hook", alert_webhook_secret=SECRET)


def tell(now):
    return notices.tell(now=now, machine_now=now)


def rows():
    db.session.rollback()
    return db.session.scalars(select(AlertNotice).order_by(AlertNotice.id)).all()


def test_one_mail_says_what_it_means_and_what_to_do_first(clinic, now, by_mail):
    fire(now, skew_seconds=400)
    assert [tell(now), tell(now)] == [1, 0]
    [(mail, to, _)] = by_mail.mails
    text = mail.get_content().replace("\r\n", "\n")
    assert to == ["ops@elm.example", "night@elm.example"]
    assert mail["Subject"] == "[localhost] The worker is silent and 1 more - act now"
    assert "Since 2026-11-02 14:00 UTC (0 s). It has not looked at the outbox for 10 min." in text
    assert "For patients: Reminders that Twilio already holds still leave" in text
    assert "First: Look whether the worker process runs" in text
    assert "It differs from Twilio's by 6 min 40 s." in text
    assert text.endswith("Say there that you take it: http://localhost/settings/alerts\n")


def test_the_webhook_is_called_with_what_the_receivers_library_takes(clinic, now, set_up):
    with web_server() as (url, calls):
        by_webhook(set_up, url)
        fire(now)
        assert tell(now) == 1
    _, path, headers, body = calls[0]
    stamp = now.set(microsecond=0)
    assert headers["webhook-signature"] == Webhook(SECRET).sign(headers["webhook-id"], stamp, body.decode())
    told = json.loads(body)
    assert (path, told["type"], told["timestamp"]) == ("/hook", "alert.fired", "2026-11-02T14:00:00Z")
    assert told["data"]["rule"] == "worker_silent" and len(body) < 2_000


def test_what_is_not_taken_is_tried_again_ever_more_rarely_with_the_same_id(clinic, now, set_up):
    tries = len(RETRY_SECONDS) + 1
    with web_server(*[(500, {})] * tries) as (url, calls):
        by_webhook(set_up, url)
        fire(now)
        at = now
        for wait in (0, *RETRY_SECONDS):
            assert tell(at.add(seconds=wait - 1)) == 0 and len({each[2]["webhook-id"] for each in calls}) < 2
            at = at.add(seconds=wait)
            tell(at)
        assert tell(at.add(days=30)) == 0
    assert len(calls) == tries and len({each[2]["webhook-timestamp"] for each in calls}) == tries
    assert (rows()[0].next_try_at, rows()[0].sent_at, rows()[0].trouble) == (None, None, "HTTP 500")


def test_a_mail_that_was_not_taken_comes_with_the_same_message_id(clinic, now, by_mail):
    fire(now)
    by_mail.answer = "busy"
    assert tell(now) == 0
    assert (rows()[0].trouble, rows()[0].next_try_at) == ("SMTPDataError (451)", now.add(seconds=5))
    by_mail.answer = ""
    assert tell(now.add(seconds=30)) == 1
    assert by_mail.mails[0][0]["Message-ID"] == f"<alert.{rows()[0].public_id}@elm.example>"
    assert (rows()[0].sent_at, rows()[0].trouble) == (now.add(seconds=30), "")


def test_one_way_that_fails_keeps_the_other_from_nothing(app, clinic, now, by_mail, set_up):
    with web_server((500, {})) as (url, _):
        by_mail_too = app.extensions["settings"]
        set_up(
            smtp_url=by_mail_too.smtp_url, alert_mail_to="ops@elm.example", alert_mail_from="site@elm.example",
            alert_webhook_url=url, alert_webhook_secret=SECRET,
        )  # fmt: skip
        fire(now)
        assert tell(now) == 1
    assert len(by_mail.mails) == 1
    assert {row.way: row.sent_at for row in rows()} == {"mail": now, "webhook": None}


def test_two_processes_tell_it_once(app, clinic, now, by_mail):
    fire(now)
    begin = threading.Barrier(2)

    def one():
        with app.app_context():
            begin.wait()
            tell(now)
            db.session.remove()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(by_mail.mails) == 1


def test_what_a_process_died_over_is_taken_up_by_another(clinic, now, by_mail):
    fire(now)
    notices._claim(now)
    assert tell(now.add(seconds=299)) == 0
    assert tell(now.add(seconds=300)) == 1


def test_nobody_to_tell_is_no_trouble(clinic, now):
    fire(now)
    assert (rows(), tell(now), notices.late(now=now.add(days=1))) == ([], 0, False)


def test_what_could_not_be_told_for_a_quarter_of_an_hour_is_late(clinic, now, by_mail):
    fire(now)
    assert not notices.late(now=now.add(minutes=14)) and notices.late(now=now.add(minutes=15))
    tell(now)
    assert not notices.late(now=now.add(minutes=15))


def test_one_that_cannot_be_told_at_all_keeps_no_other_waiting(clinic, now, set_up):
    with web_server() as (url, calls):
        by_webhook(set_up, url)
        fire(now, skew_seconds=400)
        with transaction() as session:
            session.execute(update(AlertNotice).where(AlertNotice.id == rows()[0].id).values(about=[]))
        assert tell(now) == 1 == len(calls)
    assert [row.trouble for row in rows()] == ["IndexError", ""]


def test_what_is_no_longer_set_up_waits_until_it_is_again(clinic, now, set_up):
    with web_server() as (url, calls):
        by_webhook(set_up, url)
        fire(now)
        set_up()
        assert tell(now) == 0 and rows()[0].trouble == "no longer set up"
        by_webhook(set_up, url)
        assert tell(now.add(seconds=5)) == 1 == len(calls)


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_what_another_process_is_taking_up_is_left_to_it(app, clinic, now, by_mail):
    fire(now)
    database = db.engine.url.database
    db.session.rollback()
    with psycopg.connect(postgres_url(), dbname=database) as other:
        other.execute("SELECT id FROM alert_notice FOR UPDATE")
        assert tell(now) == 0
    assert tell(now) == 1
