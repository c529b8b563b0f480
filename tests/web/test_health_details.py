"""What /healthz tells beyond the header, and that only what a balancer can help with is a 503; /livez asks nobody."""

from dataclasses import replace

import pytest
from sqlalchemy import text, update

from reminder_site.actions import backups, heart, sender_pauses
from reminder_site.actions.write_probe import AGAIN_SECONDS, WriteProbe
from reminder_site.db import db, transaction
from reminder_site.domain import watch_limits as limits
from reminder_site.models import Clinic, InboundMessage, Message
from reminder_site.queries import health_details
from tests import factories
from tests.delivering import a_text
from tests.statements import statements

REFUSE = "CREATE TRIGGER refuse BEFORE INSERT ON write_probe BEGIN SELECT RAISE(ABORT, 'disk full'); END"
SERVICE = "MG" + "0" * 32


@pytest.fixture
def told(app, client, clock):
    """Ask /healthz, a worker having looked a moment ago; returns the status code and one check."""

    def asked(name):
        heart.beat(worker="first", now=clock.now())
        answer = client.get("/healthz")
        return answer.status_code, answer.get_json()["checks"][name]

    return asked


@pytest.fixture
def settled(app):
    """Give the site other settings until the test is over."""
    before = app.extensions["settings"]
    yield lambda **changed: app.extensions.update(settings=replace(before, **changed))
    app.extensions["settings"] = before


def change(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**columns))


def test_livez_asks_nobody(client):
    db.session.remove()
    with statements("") as sent:
        answer = client.get("/livez", headers={"Host": "10.0.0.7"})
    assert (answer.status_code, answer.get_json()["status"], sent) == (200, "ok", [])


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_database_that_takes_no_changes_is_down(app, told):
    app.extensions["write_probe"] = WriteProbe()
    assert told("database") == (200, {"status": "ok", "words": "answers"})
    with transaction() as session:
        session.execute(text(REFUSE))
    app.extensions["write_probe"] = WriteProbe()
    status, check = told("database")
    assert (status, check["status"], check["words"]) == (503, "down", "the database takes no changes")
    app.extensions["write_probe"] = WriteProbe()


def test_a_write_is_tried_every_few_seconds_however_often_somebody_asks(app):
    now = [0.0]
    probe = WriteProbe(monotonic=lambda: now[0])
    with statements("INSERT INTO write_probe") as sent:
        assert all(probe.succeeds() for _ in range(20))
        assert len(sent) == 1
        now[0] += AGAIN_SECONDS
        assert probe.succeeds() and len(sent) == 2


def test_fewer_workers_than_expected_are_told_and_send_nobody_away(told, clock, settled):
    settled(workers_expected=2)
    status, check = told("worker")
    assert (status, check["status"], check["words"]) == (200, "degraded", "only 1 of 2 workers run")
    heart.beat(worker="second", now=clock.now())
    assert told("worker") == (200, {"status": "ok", "words": "2 of 2 look regularly"})
    heart.leave(worker="second")
    assert told("worker")[1]["status"] == "degraded"
    heart.beat(worker="second", now=clock.now())
    clock.forward(seconds=limits.WORKER_LATE_SECONDS + 1)
    assert told("worker")[1]["words"] == "only 1 of 2 workers run"
    clock.forward(days=2)
    heart.beat(worker="third", now=clock.now())
    heart.leave(worker="third")
    assert health_details.workers_seen(clock.now()) == 0, "those that are long gone are forgotten"


@pytest.mark.parametrize("reason", ["throttle", "replaced", "clock", "hold", "daily_limit"])
def test_a_text_past_its_time_is_overdue_whatever_holds_it(told, clinic, clock, reason):
    text_id = a_text(clinic, clock.now())
    change(text_id, waits_for=reason, next_action_at=clock.now().add(hours=3))
    assert told("texts")[1]["status"] == "ok"
    clock.forward(minutes=2)
    status, check = told("texts")
    assert (status, check["words"], check["detail"]) == (200, "1 text is overdue", f"{reason}: 1")
    assert told("daily_limit")[1]["status"] == ("degraded" if reason == "daily_limit" else "ok")


def test_what_waits_on_purpose_is_shown_and_no_trouble_unless_it_is_overslept(told, clinic, clock):
    change(a_text(clinic, clock.now()), waits_for="quiet_hours", next_action_at=clock.now().add(hours=3))
    clock.forward(minutes=2)
    assert told("texts")[1] == {"status": "ok", "words": "nothing is overdue (on purpose: quiet_hours: 1)"}
    clock.forward(hours=3)
    assert told("texts")[1]["words"] == "1 text is overdue"


def test_texts_that_came_to_be_of_no_use_are_told_for_a_day(told, clinic, clock):
    change(a_text(clinic, clock.now()), state="expired", finished_at=clock.now(), next_action_at=None)
    status, check = told("expired")
    assert (status, check["status"]) == (200, "degraded") and check["words"].startswith("1 text did not leave in time")
    clock.forward(days=1)
    assert told("expired")[1]["status"] == "ok"


def test_webhooks_that_are_refused_are_counted_for_ten_minutes(told, client, clock):
    for times, status in ((limits.REFUSED_MANY, "ok"), (1, "degraded")):
        for _ in range(times):
            assert client.post("/webhooks/twilio/inbound", data={"Body": "x"}).status_code == 403
        assert told("webhooks")[1]["status"] == status
    assert told("webhooks")[1]["words"] == "6 webhooks refused in the last 10 minutes"
    clock.let_pass(600)
    assert told("webhooks")[1]["status"] == "ok", "also those that are not written down yet are forgotten"
    clock.let_pass(-600)
    clock.let_pass(6)
    client.post("/webhooks/twilio/inbound", data={"Body": "x"})
    clock.let_pass(599)
    assert told("webhooks")[1]["status"] == "degraded"
    clock.let_pass(6)
    assert told("webhooks")[1]["words"] == "no webhooks refused in the last 10 minutes"


def asking(clinic, now, number, told_facts=None):
    """So many reminders that arrived two hours ago."""
    ids = [a_text(clinic, now, told=told_facts) for _ in range(number)]
    with transaction() as session:
        arrived = {"state": "delivered", "reaches_at": now.subtract(hours=2), "next_action_at": None}
        session.execute(update(Message).where(Message.id.in_(ids)).values(**arrived))


def test_replies_are_silent_when_many_were_asked_and_none_came_since(told, clinic, clock, monkeypatch):
    monkeypatch.setattr(limits, "REPLIES_AWAITED", 4)
    asking(clinic, clock.now(), limits.REPLIES_AWAITED - 1)
    asking(clinic, clock.now(), 3, {"asks": "nothing"})
    assert told("replies")[1]["status"] == "ok"
    asking(clinic, clock.now(), 1)
    status, check = told("replies")
    assert (status, check["words"]) == (200, "4 texts asked for an answer and none came")
    with transaction() as session:
        session.add(InboundMessage(sid="SM1", from_e164="+12125550142", to="x", body="1", understood="confirm",
                                   clinic_id=clinic.id, received_at=clock.now().subtract(hours=1)))  # fmt: skip
    assert told("replies")[1]["status"] == "ok"


def test_an_old_backup_of_a_live_site_is_told(told, clock, settled, tmp_path):
    told("backup")
    backups.note_made(manifest=backups.back_up(folder=tmp_path, now=clock.now()))
    clock.forward(hours=limits.BACKUP_LATE_HOURS, seconds=1)
    assert told("backup")[1]["status"] == "ok", "the site is not live"
    settled(public_base_url="https://reminders.clinic.example")
    status, check = told("backup")
    assert (status, check["status"], check["since"]) == (200, "degraded", "2026-11-02T14:00:00Z")
    backups.note_made(manifest=backups.back_up(folder=tmp_path, now=clock.now()))
    assert told("backup")[1]["status"] == "ok"


def test_one_pausing_sender_of_several_sends_nobody_away_and_the_only_one_does(told, app, clinic, clock):
    own = app.extensions["settings"].twilio_messaging_service_sid
    with transaction() as session:
        sender_pauses.begin(session, own, 21703, by_receipt=False, now=clock.now())
    assert told("senders")[0] == 503
    factories.a_clinic("Oak Clinic", sender=SERVICE)
    status, check = told("senders")
    assert (status, check["status"]) == (200, "degraded") and own in check["detail"]


@pytest.mark.parametrize(
    ("free", "total", "status"), [(9e9, 100e9, "degraded"), (11e9, 100e9, "ok"), (20e9, 1e12, "ok")]
)
def test_a_disk_that_fills_up_is_told(free, total, status):
    check = health_details.disk(int(free), int(total))
    assert check.status == status and ("9.0 GB are free (9%)" in check.words) is (status != "ok")


def test_health_names_no_patient_and_nobody_has_to_sign_in(client, told, clinic):
    assert db.session.get(Clinic, clinic.id)
    patient = factories.a_patient(clinic, "Canarina", phone_e164="+12125550147")
    factories.an_appointment(clinic, patient)
    told("texts")
    said = client.get("/healthz").text + client.get("/metrics").text
    assert "Canarina" not in said and "2125550147" not in said
