"""Backups that only the holder of a private key can read; and those that a worker makes every few minutes."""

import json
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from flask_migrate import upgrade

from reminder_site.actions import backups, proving
from reminder_site.config import BadSetting
from reminder_site.db import db
from reminder_site.gateways import copies
from reminder_site.gateways.copies import CopyFailed
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.housekeeping import Housekeeping
from reminder_site.models import Patient
from tests import factories

CANARY = "Kanariszka"


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def identity(key, tmp_path):
    """A file as age-keygen writes it."""
    file = tmp_path / "identity.txt"
    file.write_text(f"# created: today\n# public key: {key.to_public()}\n{key}\n")
    return file


@pytest.fixture
def made(app, clinic, key, now, tmp_path, monkeypatch):
    """An encrypted backup, in which Carol is."""
    factories.a_patient(clinic, CANARY)
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"],
                                                            backup_recipients=str(key.to_public())))  # fmt: skip
    return backups.back_up(folder=tmp_path / "backups", now=now)


def test_an_encrypted_backup_comes_back_with_the_private_key_alone(app, clinic, made, identity, now, tmp_path):
    folder = tmp_path / "backups"
    assert made.encrypted and made.file.endswith(".age")
    assert sorted(file.name for file in folder.iterdir()) == [made.file, f"{made.file}.json"]
    assert (folder / made.file).read_bytes().startswith(b"age-encryption.org/v1\n")
    assert not any(CANARY.encode() in file.read_bytes() for file in folder.iterdir())
    factories.a_patient(clinic, "Later")
    kept_in, file = DataFolder(tmp_path / "kept"), folder / made.file
    with pytest.raises(backups.CannotRestore, match="--identity FILE"):
        backups.restore(file=file, kept_in=kept_in, force=False, now=now)
    backups.restore(file=file, kept_in=kept_in, force=False, identity=identity, now=now.add(hours=2))
    upgrade(revision="head")
    assert db.session.query(Patient.first_name).all() == [(CANARY,)]


def test_it_is_proved_with_the_private_key_and_nothing_readable_is_left(made, identity, tmp_path):
    file = tmp_path / "backups" / made.file
    before = sorted(file.parent.iterdir())
    assert proving.prove(file=file, identity=identity) == made
    assert sorted(file.parent.iterdir()) == before
    with pytest.raises(backups.CannotRestore, match="is encrypted"):
        proving.prove(file=file)


def test_a_strangers_key_or_no_key_at_all_opens_nothing(made, tmp_path):
    file, other = tmp_path / "backups" / made.file, tmp_path / "other.txt"
    for words in (str(pyrage.x25519.Identity.generate()), "nonsense", "# only words"):
        other.write_text(words + "\n")
        with pytest.raises(CopyFailed, match=r"could not be decrypted|no private key"):
            proving.prove(file=file, identity=other)
    assert not [each for each in file.parent.iterdir() if each.name.startswith(".")]


def test_a_setting_that_is_no_public_key_is_refused(app, key):
    for wrong in (str(key), "age1short", "somebody"):
        with pytest.raises(BadSetting, match="BACKUP_RECIPIENTS"):
            replace(app.extensions["settings"], backup_recipients=wrong)
    two = f"{key.to_public()},{pyrage.x25519.Identity.generate().to_public()}"
    assert replace(app.extensions["settings"], backup_recipients=two).backup_recipients == two


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_worker_backs_a_sqlite_database_up_every_few_minutes_and_thins_out(app, clinic, worker, clock, monkeypatch):
    monkeypatch.setitem(app.extensions, "settings", replace(app.extensions["settings"], backup_minutes=5))
    chores = Housekeeping(app, stopping=worker.stopping)
    folder = Path(app.extensions["settings"].data_path) / "backups"
    for passed in range(0, 4 * 60, 2):
        if passed:
            clock.forward(minutes=2)
            clock.let_pass(120)
        if passed < 12 or passed > 228:
            chores.keep()
    manifests = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    ages = [round((clock.now() - backups.pendulum.parse(each["made_at"])).total_seconds() / 60) for each in manifests]
    assert ages == [232, 8, 2]
    assert proving.prove(file=folder / manifests[-1]["file"]).counts["clinic"] == 1


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_the_workers_copies_never_take_the_room_that_the_site_needs(app, clinic, now, tmp_path, monkeypatch):
    backups.back_up(folder=tmp_path, thoroughly=False, now=now)
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(copies, "ROOM_FOR_COPIES", 10**9)
    with pytest.raises(CopyFailed, match="are needed so that the site can go on"):
        backups.back_up(folder=tmp_path, thoroughly=False, now=now.add(minutes=5))
    assert sorted(tmp_path.iterdir()) == before
    backups.back_up(folder=tmp_path, now=now.add(minutes=6))  # whoever asks for one gets it


def test_a_machine_without_the_private_key_says_that_it_cannot_prove_and_thins_out_all_the_same(app, made, tmp_path):
    told = app.test_cli_runner().invoke(args=["backup", "--to", str(tmp_path / "other"), "--prove", "--prune"])
    assert told.exit_code == 0 and "Not proved, for it is encrypted" in told.output
