"""A backup is believed once it was restored and compared."""

import json
from dataclasses import asdict

import pytest
from sqlalchemy import text

from reminder_site.actions import backups, proving
from reminder_site.db import db
from tests import factories


@pytest.fixture
def made(clinic, now, tmp_path):
    factories.an_appointment(clinic, factories.a_patient(clinic))
    return backups.back_up(folder=tmp_path, now=now)


def databases():
    db.session.rollback()
    return db.session.scalars(text("SELECT datname FROM pg_database WHERE datname LIKE 'proof_%'")).all()


def test_a_backup_that_is_as_its_manifest_says_is_proved_and_leaves_nothing_behind(app, made, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert proving.prove(file=tmp_path / made.file) == made
    assert sorted(tmp_path.iterdir()) == before
    assert app.extensions["settings"].database_url.startswith("sqlite") or databases() == []


@pytest.mark.parametrize(
    ("changes", "words"), [({"counts": {"clinic": 7}}, "counts"), ({"audit_hash": "0"}, "audit_hash")]
)
def test_a_backup_that_is_not_is_not(made, tmp_path, changes, words):
    (tmp_path / f"{made.file}.json").write_text(json.dumps(asdict(made) | changes))
    with pytest.raises(backups.CannotRestore, match=f"differs from its manifest in {words}"):
        proving.prove(file=tmp_path / made.file)
