"""Managers and administrators see what fires, take it, and try whether alerts reach anybody."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from reminder_site.actions import alerts, heart, notices
from reminder_site.db import db, transaction
from reminder_site.domain.alert_measures import Figures, OfClinic
from reminder_site.models import Alert, AlertNotice, Heartbeat, InboundMessage
from tests import factories
from tests.conventions.source import ROOT
from tests.outside import mail_server
from tests.web.desk import page, send, token

PAGE = "/settings/alerts"


@pytest.fixture
def by_mail(app):
    before = app.extensions["settings"]
    with mail_server() as (post, port):
        url = f"smtp://127.0.0.1:{port}"
        ways = {"smtp_url": url, "alert_mail_to": "ops@elm.example", "alert_mail_from": "site@elm.example"}
        app.extensions["settings"] = replace(before, **ways)
        yield post
    app.extensions["settings"] = before


def fire(now, **found):
    silent = {"beat_at": now.subtract(minutes=10)} if not found else {"beat_at": now}
    for at in (now.subtract(seconds=30), now):
        alerts.look(found=Figures(**silent, **found), usual_at=now, now=at)


@pytest.mark.parametrize(("role", "told"), [("manager", True), ("administrator", True), ("reception", False)])
def test_every_page_tells_whoever_can_do_something(client, clinic, now, role, told):
    fire(now)
    factories.sign_in(client, clinic, role)
    html = page(client, "/patients")
    assert (f'href="{PAGE}"' in html) == told
    assert ("An alert, since 9:00 am (just now): The worker is silent; nobody has taken it yet." in html) == told


def test_somebody_takes_it_and_everybody_sees_who(client, clinic, now):
    fire(now)
    factories.sign_in(client, clinic, "manager", "Mara")
    html = page(client, PAGE)
    assert "act now" in html and "It has not looked at the outbox for 10 min." in html
    assert "Nobody outside these pages was told." in html
    action = html.split('action="/settings/alerts/')[1].split('"')[0]
    answer = client.post(f"{PAGE}/{action}", data={"csrf_token": token(html)}, follow_redirects=True)
    assert "You have taken it." in answer.text and "taken by Mara" in answer.text and "I take it" not in answer.text
    assert "somebody sees to it" in page(client, "/patients")


def test_it_stands_among_what_is_over_once_it_is(client, clinic, now):
    fire(now)
    for seconds in (60, 360):
        at = now.add(seconds=seconds)
        alerts.look(found=Figures(beat_at=at), usual_at=now, now=at)
    factories.sign_in(client, clinic, "manager")
    html = page(client, PAGE)
    assert "Nothing is wrong just now." in html and "nobody</td>" in html and 'href="/settings/alerts">Look' not in html


def test_what_is_another_clinics_own_is_not_shown(client, clinic, now):
    oak = factories.a_clinic("Oak Clinic")
    fire(now, clinics=(OfClinic(oak.public_id, cap_used_ratio=0.9),))
    factories.sign_in(client, clinic, "manager")
    assert "Nothing is wrong just now." in page(client, PAGE) and "Oak" not in page(client, "/")
    alert_id = db.session.scalar(select(Alert.public_id))
    assert send(client, f"{PAGE}/{alert_id}/take", {}, opened=PAGE).status_code == 404


def test_a_test_goes_out_and_its_link_says_that_it_has_arrived(client, clinic, now, by_mail):
    factories.sign_in(client, clinic, "manager")
    assert "No test has arrived in the last three months." in page(client, PAGE)
    send(client, f"{PAGE}/test", {}, opened=PAGE)
    notices.tell(now=now, machine_now=now)
    link = by_mail.mails[0][0].get_content().split("button here: ")[1].strip()
    assert link.startswith("http://localhost/settings/alerts/arrived/")
    assert "nobody has confirmed yet" in page(client, PAGE)
    asked = page(client, link.removeprefix("http://localhost"))
    db.session.rollback()
    assert db.session.scalar(select(AlertNotice.arrived_at)) is None
    answer = client.post(
        link.removeprefix("http://localhost"), data={"csrf_token": token(asked)}, follow_redirects=True
    )
    assert "Noted: the test has arrived." in answer.text and "as somebody confirmed" in answer.text
    assert "No test has arrived" not in answer.text


def test_without_anybody_to_tell_the_page_says_what_is_missing(client, clinic):
    factories.sign_in(client, clinic, "administrator")
    html = page(client, PAGE)
    assert "Nobody: set ALERT_MAIL_TO" in html and "None: DEADMAN_URL" in html
    answer = client.post(f"{PAGE}/test", data={"csrf_token": token(html)}, follow_redirects=True)
    assert "There is nobody to send it to yet" in answer.text


def test_a_link_that_is_no_tests_confirms_nothing(client, clinic):
    factories.sign_in(client, clinic, "manager")
    assert send(client, f"{PAGE}/arrived/made-up", {}).status_code == 404


def test_the_page_says_what_became_of_telling(client, clinic, now, by_mail):
    fire(now)
    by_mail.answer = "busy"
    notices.tell(now=now, machine_now=now)
    factories.sign_in(client, clinic, "manager")
    html = page(client, PAGE)
    assert "told by mail to ops@elm.example: not taken yet (SMTPDataError (451)), tried again" in html


def test_every_metric_that_the_rules_for_prometheus_name_is_told(client, clinic, now):
    heart.beat(now=now)
    with transaction() as session:
        session.execute(update(Heartbeat).values(backup_at=now))
    texted = {"from_e164": "+12125550100", "to": "+15005550006", "body": "x", "understood": "other", "received_at": now}
    with transaction() as session:
        session.add(InboundMessage(sid="SM" + "1" * 32, clinic_id=clinic.id, **texted))
    told = client.get("/metrics").text
    named = set(re.findall(r"reminder_\w+", (ROOT / "docs" / "alerts.yml").read_text().partition("groups:")[2]))
    assert len(named) > 10 and {name for name in named if f"\n{name}" not in told} == set()
