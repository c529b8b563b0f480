"""Backups: whole, described, thinned out as they age; and the way back, which never runs over a running site."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pendulum
import pytest
from flask_migrate import upgrade
from sqlalchemy import func, select, text

from reminder_site.actions import audit, backups, heart
from reminder_site.db import Base, db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.audit_seal import Head
from reminder_site.domain.backup_keeping import kept
from reminder_site.gateways.copies import CopyFailed
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.models import AlertNotice, Audit, Clinic, Heartbeat, Patient
from tests import factories


@pytest.fixture
def kept_in(app, tmp_path):
    return DataFolder(tmp_path / "kept")


def on_sqlite(app):
    return app.extensions["settings"].database_url.startswith("sqlite")


def patients():
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Patient))


def hold():
    db.session.rollback()
    beat = db.session.get(Heartbeat, 1, populate_existing=True)
    return (beat.hold_since, beat.hold_from, beat.hold_why) if beat else None


def test_a_backup_comes_back_as_it_was_and_begins_on_hold(app, clinic, now, tmp_path, kept_in):
    factories.an_appointment(clinic, factories.a_patient(clinic))
    with transaction() as session:
        audit.record(session, actor=OPERATOR, what="trial", clinic_id=None, subject="trial", now=now)
    made = backups.back_up(folder=tmp_path, now=now)
    assert made.counts["patient"] == 1 and made.counts["message"] == 3 and made.audit_number == 1
    factories.a_patient(clinic)
    later = now.add(hours=2)
    backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=later)
    upgrade(revision="head")
    assert patients() == 1
    assert hold() == (later, now, "restored from the backup of 2026-11-02 14:00 UTC")
    assert kept_in.audit_head() == Head(made.audit_number, made.audit_hash)
    factories.a_patient(db.session.get(Clinic, 1))  # and it can be written to


def test_an_unfinished_earlier_hold_reaches_as_far_back_as_before(app, clinic, now, tmp_path, kept_in):
    heart.beat(now=now.subtract(days=1))
    with transaction() as session:
        session.get(Heartbeat, 1).hold_since = session.get(Heartbeat, 1).hold_from = now.subtract(days=2)
    made = backups.back_up(folder=tmp_path, now=now)
    backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=now.add(hours=1))
    assert hold()[:2] == (now.add(hours=1), now.subtract(days=2))


def test_what_was_there_before_is_kept(app, clinic, now, tmp_path, kept_in):
    made = backups.back_up(folder=tmp_path, now=now)
    factories.a_patient(clinic)
    backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=now.add(hours=2))
    assert patients() == 0
    if on_sqlite(app):
        database = Path(db.engine.url.database)
        before = max(database.parent.glob(f"{database.name}.before-*"), key=lambda file: file.stat().st_mtime)
        with closing(sqlite3.connect(before)) as kept_file:
            assert kept_file.execute("SELECT count(*) FROM patient").fetchall() == [(1,)]
    else:
        (before,) = tmp_path.glob("before-restore-*.dump")
        backups.restore(file=before, kept_in=kept_in, force=False, now=now.add(hours=3))
        assert patients() == 1


def test_a_site_that_runs_is_not_restored_over(app, clinic, now, tmp_path, kept_in):
    made = backups.back_up(folder=tmp_path, now=now)
    heart.beat(now=now)
    with pytest.raises(backups.CannotRestore, match="a moment ago"):
        backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=now.add(seconds=59))
    with db.engine.connect() as page:
        page.detach()  # closed for good at the end, not put back into a pool that is gone
        page.execute(text("SELECT 1 FROM clinic"))
        with pytest.raises(backups.CannotRestore, match="another process"):
            backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=now.add(seconds=61))
    backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=True, now=now.add(seconds=59))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda file, m: file.write_bytes(file.read_bytes()[:-1] + b"?"), "not the file"),
        (lambda file, m: file.with_name(f"{file.name}.json").unlink(), "manifest"),
        (lambda file, m: describe(file, m | {"schema": "9999"}), "newer version"),
        (lambda file, m: describe(file, m | {"store": "oracle"}), "is of oracle"),
    ],
)
def test_a_backup_that_is_not_what_its_manifest_says_changes_nothing(app, clinic, now, tmp_path, kept_in, spoil, words):
    made = backups.back_up(folder=tmp_path, now=now)
    spoil(tmp_path / made.file, asdict(made))
    with pytest.raises(backups.CannotRestore, match=words):
        backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=True, now=now.add(hours=2))
    assert hold() is None


def describe(file, manifest):
    file.with_name(f"{file.name}.json").write_text(json.dumps(manifest))


def test_a_copy_that_cannot_be_written_leaves_no_half_backup(app, now, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    if on_sqlite(app):
        pytest.skip("SQLite needs no programs")
    with pytest.raises(CopyFailed, match="pg_dump is not on this machine"):
        backups.back_up(folder=tmp_path, now=now)
    assert not list(tmp_path.iterdir())


def test_old_backups_thin_out(app, now, tmp_path):
    moments = [now.subtract(minutes=n) for n in (0, 5, 119, 190, 195, 60 * 30, 60 * 31)]
    names = [backups.back_up(folder=tmp_path, now=at).file for at in moments]
    assert backups.prune(folder=tmp_path) == [names[4]]
    assert {f.name for f in tmp_path.glob("*.json")} == {f"{n}.json" for n in names if n != names[4]}


def test_forty_eight_hours_and_thirty_five_days_are_kept():
    now = pendulum.datetime(2026, 11, 2, 12, 30, tz="UTC")
    made = [now.subtract(hours=n) for n in range(24 * 60)]
    found = sorted(kept(made), reverse=True)
    assert found[:48] == made[:48]
    assert len(found) == 48 + 35 - 3 and found[-1].date() == now.subtract(days=34).date()


def test_backups_taken_while_others_write_are_sound(app, clinic, now, tmp_path, kept_in):
    done = threading.Event()

    def write():
        with app.app_context():
            while not done.is_set():
                factories.a_patient(db.session.get(Clinic, 1))
                time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backups.back_up(folder=tmp_path, now=now.add(seconds=n)) for n in range(6)]
    finally:
        done.set()
        writer.join()
    counts = [manifest.counts["patient"] for manifest in made]
    assert counts == sorted(counts) and counts[-1] > counts[0]
    for manifest in (made[2], made[5], made[0]):
        backups.restore(file=tmp_path / manifest.file, kept_in=kept_in, force=False, now=now.add(hours=1))
        assert patients() == manifest.counts["patient"]


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_a_backup_comes_into_a_database_that_holds_nothing(app, clinic, now, tmp_path, kept_in):
    factories.a_patient(clinic)
    made = backups.back_up(folder=tmp_path, now=now)
    with transaction() as session:
        for name in (*Base.metadata.tables, "alembic_version"):
            session.execute(text(f'DROP TABLE "{name}" CASCADE'))
    backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=now.add(hours=2))
    assert patients() == 1


@pytest.mark.parametrize("app", ["postgresql"], indirect=True)
def test_what_others_have_in_the_database_stays_and_does_not_hinder(app, clinic, now, tmp_path, kept_in):
    made = backups.back_up(folder=tmp_path, now=now)
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "CREATE EXTENSION IF NOT EXISTS pg_trgm"
        )
    backups.restore(file=tmp_path / made.file, kept_in=kept_in, force=False, now=now.add(hours=2))
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT similarity('elm', 'elm')")) == 1


def test_a_restore_is_noted_in_the_audit_of_what_was_restored(app, clinic, now):
    manifest = SimpleNamespace(made_at="2026-11-01T14:00:00+00:00", sha256="f" * 64)
    backups.record_restore(manifest=manifest, by=OPERATOR, now=now)
    noted = db.session.execute(select(Audit.facts).where(Audit.what == "database.restored")).scalars().all()
    assert [facts["made_at"] for facts in noted] == [manifest.made_at]


def test_alerts_that_waited_to_be_told_are_not_told_anew(app, clinic, now):
    waits = {"way": "webhook", "whom": [], "about": [], "made_at": now, "next_try_at": now}
    with transaction() as session:
        session.add(AlertNotice(**waits))
    manifest = SimpleNamespace(made_at="2026-11-01T14:00:00+00:00", sha256="f" * 64)
    backups.record_restore(manifest=manifest, by=OPERATOR, now=now)
    assert db.session.scalars(select(AlertNotice.next_try_at)).all() == [None]
