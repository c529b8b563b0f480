"""What cannot start says why in one plain line and ends with exit code 2, whichever door it was started by."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reminder_site.app import create_app
from reminder_site.config import BadSetting, Settings
from reminder_site.db import db
from reminder_site.sandbox.identity import ACCOUNT_SID

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("reminder_site", "migrations", "templates", "static", "wsgi.py")
SECRET = "Zk3-9fQ_w7Lr2Yt8Vb5Nc1Xm6Hd4Gs0Pa"
SANDBOX = {
    "SECRET_KEY": SECRET,
    "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
    "TWILIO_AUTH_TOKEN": "t",
    "TWILIO_BASE_URL": "http://127.0.0.1:9",
}
LIVE = {
    "SECRET_KEY": SECRET,
    "PUBLIC_BASE_URL": "https://remind.example",
    "TWILIO_ACCOUNT_SID": "AC" + "0b" * 16,
    "TWILIO_AUTH_TOKEN": "0c" * 16,
    "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0d" * 16,
}
FLASK = ("flask", "--app", "wsgi")
GRANIAN = ("granian", "--interface", "rsgi", "--log-level", "critical", "--port", "9")


def start(*command, cwd=ROOT, **env):
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = inherited | {"PYTHONDONTWRITEBYTECODE": "1"} | env
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, env=env, capture_output=True, text=True, timeout=60
    )


def stores(folder):
    return {"DATABASE_URL": f"sqlite:///{folder}/site.db", "QUEUE_URL": f"sqlite:///{folder}/queue.db"}


@pytest.mark.parametrize("door", [(*FLASK, "worker"), (*GRANIAN, "wsgi:served")])
def test_a_bad_setting_is_one_line_at_every_door(door, tmp_path):
    done = start(*door, **stores(tmp_path), SECRET_KEY="short")
    assert done.stderr == ("Cannot start: SECRET_KEY must be at least 32 random bytes and not the example value\n")
    assert done.returncode == (1 if door[0] == "granian" else 2)  # granian ends with a code of its own


@pytest.mark.parametrize("door", [(*FLASK, "web"), (*GRANIAN, "wsgi:app")])
def test_an_empty_database_is_one_line_at_every_door(door, tmp_path):
    done = start(*door, **SANDBOX, **stores(tmp_path))
    assert done.stderr == "Cannot start: the database is empty: run flask --app wsgi db upgrade\n"
    assert done.returncode == (1 if door[0] == "granian" else 2)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("found", "words"),
    [("0016", "older than this site (its tables are of version 0016"), ("9999", "newer"), ("", "empty")],
)
def test_tables_of_another_version_are_named(app, found, words):
    with db.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA query_only=0")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (found,))
    done = app.test_cli_runner().invoke(args=["staff", "list"])
    assert done.exit_code == 2
    assert done.stderr.startswith("Cannot start: ") and words in done.stderr and done.stderr.count("\n") == 1


def test_a_whole_set_of_settings_starts():
    assert Settings.from_env(LIVE).is_live


@pytest.mark.parametrize("name", ["PUBLIC_BASE_URL", "TWILIO_AUTH_TOKEN", "TWILIO_MESSAGING_SERVICE_SID"])
def test_a_real_account_cannot_do_without(name):
    with pytest.raises(BadSetting, match=f"^{name} is missing"):
        Settings.from_env({**LIVE, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_BASE_URL", "http://remind.example"),
        ("TWILIO_ACCOUNT_SID", "SK" + "0b" * 16),
        ("TWILIO_MESSAGING_SERVICE_SID", "+15005550006"),
        ("TWILIO_API_KEY", "SK" + "0b" * 16),  # without its secret
        ("DATABASE_URL", "mysql://site@db/site"),
        ("DATABASE_URL", "postgresql://site:pass@word@db/site"),
        ("QUEUE_URL", "amqp://queue"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_once(name, value):
    with pytest.raises(BadSetting, match=name):
        Settings.from_env({**LIVE, name: value})


def test_the_sandbox_needs_no_public_address():
    assert not Settings.from_env(SANDBOX).is_live


def test_databases_are_for_their_user_alone(tmp_path):
    app = create_app(Settings.from_env({**SANDBOX, **stores(tmp_path / "new")}))
    with app.app_context(), db.engine.connect():
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").iterdir()}
    db_files = {"site.db", "site.db-wal", "site.db-shm", "queue.db"}
    assert modes.keys() >= {"site.db", "queue.db"} and modes.keys() <= db_files
    assert set(modes.values()) == {0o600}
    app.extensions["sms"].close()


def test_the_folder_of_the_code_may_be_read_only(tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, code / part)
    before = {file: file.stat().st_mtime_ns for file in code.rglob("*")}
    for command in (("db", "upgrade"), ("set-up-code",), ("backup",)):
        done = start(*FLASK, *command, cwd=code, **SANDBOX, **stores(tmp_path / "data"))
        assert done.returncode == 0, done.stderr
    assert {file: file.stat().st_mtime_ns for file in code.rglob("*")} == before
    (backup,) = (tmp_path / "data" / "backups").glob("*.sqlite3")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
