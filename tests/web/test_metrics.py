"""/metrics: its names and kinds as Prometheus wants them, who may read it, what it counts, and that it stays cheap."""

import re
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strictly
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, update

from reminder_site.actions import heart
from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.models import Clinic, InboundMessage
from reminder_site.web import metrics
from tests import factories
from tests.delivering import a_text, arrive, trouble
from tests.statements import statements
from tests.web.desk import send

OPEN = {"Accept": "application/openmetrics-text; version=1.0.0"}
UNITS = ("seconds", "bytes", "ratio", "total", "info")
NO_UNIT = {  # numbers of things
    "reminder_outbox_messages", "reminder_circuit_open", "reminder_needs_review", "reminder_inbox_open",
    "reminder_workers_seen", "reminder_workers_expected", "reminder_database_up",
}  # fmt: skip
TOKEN = "a-token-of-many-letters"
PROMISED = {
    "reminder_messages", "reminder_handover_delay_seconds", "reminder_outbox_messages",
    "reminder_outbox_oldest_due_seconds", "reminder_twilio_requests", "reminder_twilio_request_seconds",
    "reminder_circuit_open", "reminder_throttle_ratio", "reminder_receipts", "reminder_receipt_delay_seconds",
    "reminder_webhooks_refused", "reminder_inbound", "reminder_inbound_last_timestamp_seconds", "reminder_inbox_open",
    "reminder_inbox_oldest_seconds", "reminder_worker_beat_timestamp_seconds", "reminder_clock_skew_seconds",
    "reminder_unknown_oldest_seconds", "reminder_needs_review", "reminder_disk_free_bytes",
    "reminder_backup_last_timestamp_seconds", "reminder_cap_used_ratio",
}  # fmt: skip


@pytest.fixture
def scraped(client):
    """Scrape; returns the families by name."""

    def ask(**headers):
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.status
        return {family.name: family for family in text_string_to_metric_families(answer.text)}

    return ask


@pytest.fixture
def settled(app):
    """Give the site other settings until the test is over."""
    before = app.extensions["settings"]
    yield lambda **changed: app.extensions.update(settings=replace(before, **changed))
    app.extensions["settings"] = before


def value(families, family, suffix="", **labels):
    (found,) = [s.value for s in families[family].samples if s.name == family + suffix and s.labels == labels]
    return found


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_names_kinds_and_units_are_as_prometheus_wants_them(client, clinic, clock):
    heart.beat(now=clock.now())
    client.get("/sign-in")
    answer = client.get("/metrics", headers=OPEN)
    assert answer.mimetype == "application/openmetrics-text"
    families = {family.name: family for family in strictly(answer.text)}
    assert families.keys() >= PROMISED - {"reminder_inbound_last_timestamp_seconds",
                                          "reminder_backup_last_timestamp_seconds"}  # fmt: skip
    for name, family in families.items():
        assert re.fullmatch(r"reminder_[a-z]+(_[a-z]+)*", name) and family.documentation, name
        assert family.type in {"counter", "gauge", "histogram"}
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_created")), name
        if family.type == "counter":
            assert all(sample.name == f"{name}_total" for sample in family.samples), name
        else:
            assert name.endswith(UNITS) or name in NO_UNIT, name
        names = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(names) == len(set(names)), name


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_the_strict_judge_would_notice(client):
    with pytest.raises(ValueError, match="\\S"):
        list(strictly("# TYPE a counter\na 1.0\n# EOF\n"))


def test_every_known_set_of_labels_stands_there_from_the_start_at_zero(scraped):
    families = scraped()
    texts = {(s.labels["kind"], s.labels["state"]): s.value for s in families["reminder_messages"].samples}
    assert {state for _, state in texts} == set(states.STATES) and set(texts.values()) == {0}
    for family in ("reminder_twilio_requests", "reminder_receipts", "reminder_webhooks_refused", "reminder_inbound"):
        assert families[family].samples and {s.value for s in families[family].samples} == {0}
    assert value(families, "reminder_receipt_delay_seconds", "_count") == 0
    assert (
        "reminder_backup_last_timestamp_seconds" not in families
        or not families["reminder_backup_last_timestamp_seconds"].samples
    )


def test_a_texts_way_is_counted(scraped, clinic, worker, clock, sandbox):
    trouble(sandbox)
    a_text(clinic, clock.now(), body="щ" * 71)
    a_text(clinic, clock.now(), in_minutes=60, kind="staff")
    clock.forward(seconds=3)
    worker.settle()
    families = scraped()
    assert value(families, "reminder_messages", "_total", kind="reminder", state="accepted") == 1
    assert value(families, "reminder_messages", "_total", kind="staff", state="scheduled") == 1
    assert value(families, "reminder_twilio_requests", "_total", operation="create", outcome="created") == 2
    assert value(families, "reminder_segments", "_total", kind="reminder") == 2
    assert value(families, "reminder_handover_delay_seconds", "_bucket", lane="1", le="2.0") == 0
    assert value(families, "reminder_handover_delay_seconds", "_bucket", lane="1", le="5.0") == 1
    assert value(families, "reminder_handover_delay_seconds", "_sum", lane="1") == 3
    assert value(families, "reminder_handover_delay_seconds", "_count", lane="0") == 0
    assert value(families, "reminder_twilio_request_seconds", "_count") == 2
    assert value(families, "reminder_outbox_messages", lane="0", state="scheduled") == 1


def test_what_waits_and_what_stops_it_is_told_as_it_is_now(scraped, clinic, clock):
    a_text(clinic, clock.now())
    a_text(clinic, clock.now(), in_minutes=600)
    with transaction() as session:
        session.add(InboundMessage(sid="SM1", from_e164="+12125550142", to="x", body="?", understood="other",
                                   needs_person=True, received_at=clock.now()))  # fmt: skip
    heart.beat(worker="first", now=clock.now())
    with transaction() as session:
        heart.open_circuit(session, "20003", clock.now())
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=2))
    clock.forward(seconds=90)
    families = scraped()
    assert value(families, "reminder_outbox_oldest_due_seconds", lane="1") == 90
    assert value(families, "reminder_outbox_messages", lane="1", state="pending") == 2
    assert value(families, "reminder_inbox_open") == 1 and value(families, "reminder_inbox_oldest_seconds") == 90
    assert value(families, "reminder_circuit_open", reason="account") == 1
    assert value(families, "reminder_circuit_open", reason="silence") == 0
    assert clock.now().timestamp() - value(families, "reminder_worker_beat_timestamp_seconds") == 90
    assert value(families, "reminder_cap_used_ratio", clinic=clinic.public_id) == 0
    assert value(families, "reminder_inbound", "_total", understood="other") == 1


def test_a_day_of_a_clinic_is_its_own(scraped, clinic, worker, clock, sandbox):
    trouble(sandbox)
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=4))
    a_text(clinic, clock.now())
    worker.settle()
    assert value(scraped(), "reminder_cap_used_ratio", clinic=clinic.public_id) == 0.25
    clock.forward(hours=14, minutes=59)
    assert value(scraped(), "reminder_cap_used_ratio", clinic=clinic.public_id) == 0.25
    clock.forward(minutes=2)
    assert value(scraped(), "reminder_cap_used_ratio", clinic=clinic.public_id) == 0


def test_receipts_refusals_and_tries_to_sign_in_are_counted(scraped, client, clinic, worker, clock, sandbox):
    a_text(clinic, clock.now())
    worker.settle()
    arrive(sandbox)
    client.post("/webhooks/twilio/status/abc", data={"MessageStatus": "sent"})
    person = factories.a_staff(clinic)
    send(client, "/sign-in", {"email": person.email, "password": "wrong"})
    clock.forward(minutes=1)
    families = scraped()
    assert value(families, "reminder_webhooks_refused", "_total", door="status", reason="signature") == 1
    assert value(families, "reminder_sign_ins", "_total", result="wrong") == 1
    assert value(families, "reminder_sign_ins", "_total", result="right") == 0


def test_only_this_machine_and_who_shows_the_token_may_read(client, settled):
    def status(address="203.0.113.9", **headers):
        return client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    assert [status(each) for each in ("127.0.0.1", "::1", "::ffff:127.0.0.1")] == [200, 200, 200]
    assert [status(each) for each in ("203.0.113.9", "10.0.0.1", "", "127.0.0.1.example")] == [401] * 4
    assert status("127.0.0.1", **{"X-Forwarded-For": "127.0.0.1"}) == 401, "a proxy that nobody has named"
    assert status(Authorization="Bearer ") == 401
    settled(metrics_token=TOKEN)
    assert status(Authorization=f"Bearer {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"):
        assert status(Authorization=wrong) == 401, wrong
    assert status("127.0.0.1") == 200
    refused = client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert refused.headers["WWW-Authenticate"] == "Bearer" and "reminder_" not in refused.text


@pytest.mark.parametrize(
    ("orig", "forwarded", "status"),
    [
        ("127.0.0.1", "203.0.113.9", 401),
        ("127.0.0.1", "127.0.0.1", 200),
        ("10.0.0.2", "127.0.0.1", 401),
        ("10.0.0.2", "203.0.113.9", 401),
    ],
)
@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_behind_a_trusted_proxy_the_forwarded_address_counts(client, settled, orig, forwarded, status):
    settled(trusted_proxies=1)
    as_fixed = {"REMOTE_ADDR": forwarded, "werkzeug.proxy_fix.orig": {"REMOTE_ADDR": orig}}
    answer = client.get("/metrics", headers={"X-Forwarded-For": forwarded}, environ_base=as_fixed)
    assert answer.status_code == status


def test_a_scrape_asks_the_same_few_questions_however_much_was_sent(client, clinic, clock):
    def asked():
        db.session.remove()
        with statements() as sent:
            client.get("/metrics")
        return len(sent)

    a_text(clinic, clock.now())
    before = asked()
    for _ in range(30):
        a_text(db.session.scalars(select(Clinic)).one(), clock.now())
    assert asked() == before <= 19


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_request_times_have_routes_and_no_addresses(client, scraped, clinic):
    client.get("/m/Ab3dEf6hIj9k")
    client.get("/nowhere/Carol")
    client.open("/sign-in", method="PROPFIND")
    labels = [s.labels for s in scraped()["reminder_http_request_seconds"].samples]
    assert {"manage.show", "none"} <= {each["route"] for each in labels}
    assert {each["method"] for each in labels} <= metrics.METHODS | {"other"}
    assert "Ab3dEf6hIj9k" not in str(labels) and "Carol" not in str(labels)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_database_that_is_away_is_told_and_the_rest_with_it(app, client, scraped, monkeypatch):
    def away(**given):
        raise RuntimeError("Carol")

    monkeypatch.setattr("reminder_site.queries.metrics.standing", away)
    families = scraped()
    assert value(families, "reminder_database_up") == 0 and "reminder_messages" not in families
    assert value(families, "reminder_workers_expected") == 1
