"""What operators type to see that all is well, to keep copies, and to compare with Twilio."""

import json
from pathlib import Path

import pytest

from reminder_site.actions import audit, heart
from reminder_site.db import transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.queries import health
from reminder_site.queries.banners import Banner, banners
from tests.delivering import a_text, answering, at_twilio, now_as, trouble


@pytest.fixture
def run(app):
    """Type a command; returns (exit code, what it printed)."""
    runner = app.test_cli_runner()

    def typed(*words):
        done = runner.invoke(args=list(words))
        return done.exit_code, done.output

    return typed


def note(now):
    with transaction() as session:
        audit.record(session, actor=OPERATOR, what="trial", clinic_id=None, subject="s", now=now)


def told_in(role, now):
    return banners(role=role, clinic_id=1, zone="America/New_York", checks=health.checks(now=now), now=now)


def test_health_says_the_same_as_the_health_page_and_ends_with_its_level(app, run, clock, client):
    code, told = run("health")
    assert code == 2 and "the worker has never run" in told
    heart.beat(now=clock.now())
    code, told = run("health")
    checks = client.get("/healthz").get_json()["checks"]
    said = {line.split()[0]: line.split()[1] for line in told.splitlines()}
    assert code == 0 and said == {name: check["status"] for name, check in checks.items()}
    assert all(check["words"] in told for check in checks.values())
    with transaction() as session:
        heart.open_circuit(session, "wrong key", clock.now())
    assert run("health")[0] == 2


def test_backup_says_where_and_restore_puts_it_back(app, clinic, run, clock, tmp_path):
    heart.beat(now=clock.now())
    code, told = run("backup", "--to", str(tmp_path), "--prune", "--prove")
    file = told.split("  ")[0]
    assert (
        code == 0
        and "sound" in told
        and "proved" in told
        and json.loads(Path(f"{file}.json").read_text())["counts"]["clinic"] == 1
    )
    code, told = run("restore", file)
    assert code == 1 and "Nothing was changed: a worker looked at this database a moment ago" in told
    clock.forward(seconds=61)
    code, told = run("restore", file)
    assert code == 0 and "Sending is on hold" in told and "There is no list of erased patients" in told, told
    code, told = run("health")
    assert code == 2 and "on hold" not in told  # nothing runs yet
    assert run("audit", "verify")[0] == 0


def test_restore_of_a_file_that_is_none_changes_nothing(run, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Carol")
    code, told = run("restore", str(tmp_path / "letter.txt"))
    assert code == 1 and "Nothing was changed: letter.txt.json, the backup's manifest" in told


def test_audit_verify_compares_with_a_head_kept_elsewhere(app, run, now, tmp_path):
    head = tmp_path / "head.json"
    note(now)
    note(now)
    assert run("audit", "head", "--to", str(head))[1].startswith("2 ")
    assert run("audit", "verify", "--head", str(head)) == (
        0, "The audit is whole: 2 entries, and entry 2 is the one noted outside.\n")  # fmt: skip
    head.write_text(json.dumps(json.loads(head.read_text()) | {"number": 3}))
    code, told = run("audit", "verify", "--head", str(head))
    cut_off = "the newest entries are cut off: 3 were noted outside the database, 2 are left"
    assert (code, told) == (1, f"Error: The audit is broken: {cut_off}.\n")
    head.write_text("{}")
    assert "holds no head" in run("audit", "verify", "--head", str(head))[1]


def test_the_worker_notes_the_head_that_verify_compares_with(app, clinic, worker, clock, run):
    note(clock.now())
    worker.settle()
    code, told = run("audit", "verify")
    assert code == 0 and "entry 1 is the one noted outside" in told


def test_reconcile_prints_a_table_with_no_number_in_it_and_fixes(app, clinic, worker, clock, sandbox, run):
    trouble(sandbox)
    message_id = a_text(clinic, clock.now(), in_minutes=120)
    worker.settle()
    clock.forward(minutes=11)
    assert run("reconcile") == (0, "Nothing differs.\n")
    (text,) = at_twilio(sandbox)
    text.status = "sent"
    sandbox.exchange.store.update(text)
    code, told = run("reconcile")
    number = now_as(message_id).to_e164
    assert code == 1 and "status differs" in told and f"…{number[-2:]}" in told and number[2:] not in told
    told_to = {role: told_in(role, clock.now()) for role in ("reception", "manager")}
    drift = Banner("warn", "1 text stands differently here and at Twilio.", fixes="drift")
    assert drift in told_to["manager"] and drift not in told_to["reception"]
    code, told = run("reconcile", "--fix")
    assert code == 0 and "taken over" in told and "Nothing differs." in told
    assert drift not in told_in("manager", clock.now())


def test_reconcile_says_when_twilio_cannot_be_asked(app, sandbox, run):
    trouble(sandbox, {"kind": "error_before", "on": "list"})
    code, told = run("reconcile")
    assert code == 1 and told.startswith("Error: Nothing was compared")


def test_restore_leaves_a_site_that_answers_alone_and_rehearses_beside_it(app, clinic, run, clock, tmp_path):
    _, told = run("backup", "--to", str(tmp_path))
    file = told.split("  ")[0]
    with answering(app):
        code, told = run("restore", file)
        assert code == 1 and "Nothing was changed: a site answers at http://127.0.0.1" in told
        code, told = run("restore", file, "--rehearse")
    assert code == 0 and "this copy sends, cancels and answers nothing" in told
    code, told = run("reconcile")
    assert code == 1 and "this is a rehearsal" in told


def test_hold_lists_what_twilio_would_still_send_and_does_as_told(app, clinic, worker, clock, sandbox, run, tmp_path):
    trouble(sandbox)
    _, told = run("backup", "--to", str(tmp_path))
    a_text(clinic, clock.now(), in_minutes=90)
    worker.settle()
    assert run("hold") == (0, "Sending is not on hold.\n")
    clock.forward(minutes=2)
    assert run("restore", told.split("  ")[0])[0] == 0
    (text,) = at_twilio(sandbox)
    code, told = run("hold")
    assert code == 0 and text.sid in told and f"…{text.recipient[-2:]}" in told and text.recipient not in told
    assert "--withdraw or --keep" in told
    assert "The worker cancels them" in run("hold", "--withdraw")[1]
