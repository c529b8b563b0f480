"""A change of SECRET_KEY while the site goes on: processes before and after each step take each other's work."""

from dataclasses import replace

import pytest

from reminder_site.app import create_app
from reminder_site.commands import keys
from reminder_site.config import Settings, derived
from reminder_site.db import db
from reminder_site.domain.audit_seal import first_fault, key_id
from reminder_site.gateways.alarms import _KeyRing
from reminder_site.queries import audit_chain
from tests import factories
from tests.appointing import at, book
from tests.conftest import CheckedClient
from tests.texting import link_to
from tests.web.desk import page, token

pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # keys are the same on both
OLD, NEW = (f"{name}-secret-of-more-than-thirty-two-bytes" for name in ("old", "new"))
RETIRED = derived(OLD, "audit").hex()
STEPS = [
    {"secret_key": OLD},
    {"secret_key": OLD, "secret_key_next": NEW},
    {"secret_key": NEW, "secret_key_previous": OLD},
    {"secret_key": NEW, "audit_keys_retired": RETIRED},
]


@pytest.fixture
def site(app, clock):
    """Start the site with other keys, on the same database and by the same clock."""
    made = []

    def start(**keys):
        one = create_app(replace(app.extensions["settings"], **keys))
        one.extensions["clock"], one.test_client_class, one.testing = clock, CheckedClient, True
        made.append(one)
        return one

    yield start
    for one in made:
        with one.app_context():
            db.session.remove()
            db.engine.dispose()
        one.extensions["sms"].close()
        one.extensions["alarms"].close()


@pytest.fixture
def elm(clinic):
    """The clinic as plain values: each of the sites has a database connection of its own."""
    db.session.refresh(clinic)
    db.session.expunge(clinic)
    return clinic


@pytest.mark.parametrize("step", range(len(STEPS) - 1))
def test_between_two_steps_old_and_new_processes_take_each_others_work(app, elm, now, site, step):
    before, after = (site(**keys) for keys in STEPS[step : step + 2])
    visit = factories.an_appointment(elm, factories.a_patient(elm))
    for here, there, name in ((before, after, "Alice"), (after, before, "Bob")):
        client, other = here.test_client(), there.test_client()
        with here.app_context():
            factories.sign_in(client, elm, name=name)
            link = link_to(visit, now)
            form = token(page(client, "/patients/new"))
        with client.session_transaction() as signed, other.session_transaction() as copied:
            copied.update(dict(signed))
        other.set_cookie("session", client.get_cookie("session").value)
        typed = {"csrf_token": form, "first_name": name, "phone": "", "consent": "no", "nonce": name * 5}
        with here.app_context():
            made = client.post("/patients/new", data=typed).location
        with there.app_context():
            assert other.get("/").status_code == 200
            assert other.post("/patients/new", data=typed).location == made and made.startswith("/patients/")
            assert other.get(link).status_code == 200


def test_the_audit_stays_whole_whoever_seals_and_however_often_keys_change(app, elm, now, site):
    for number, keys_of in enumerate([*STEPS, STEPS[3]]):
        for one in (site(**STEPS[max(0, number - 1)]), site(**keys_of)):
            with one.app_context():
                book(elm, now, at(elm, 2026, 11, 20, 9 + number, 0))
                last = one
    with last.app_context():
        known = last.extensions["settings"]
        assert first_fault(audit_chain.entries(), known.audit_keys) == ""
        assert "does not have" in first_fault(audit_chain.entries(), known.keys("audit"))


def test_a_retired_key_seals_nothing_any_more(app, elm, now, site):
    late, current = site(**STEPS[0]), site(**STEPS[3])
    with current.app_context():
        keys.note_step(step="retired", key_id=key_id(bytes.fromhex(RETIRED)), by=keys.OPERATOR, now=now)
    with late.app_context():
        book(elm, now, at(elm, 2026, 11, 20, 9, 0))
    with current.app_context():
        assert "does not have" in first_fault(audit_chain.entries(), current.extensions["settings"].audit_keys)


def test_the_commands_change_the_file_and_the_audit_can_be_checked_afterwards(app, elm, now, site, tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"# mine\nSECRET_KEY={OLD}\nPORT=9000\n")
    file.chmod(0o600)
    for step in ("prepare", "switch", "retire"):
        known = Settings.from_env({**_read(file), "DATABASE_URL": "sqlite://"})
        running = site(secret_key=known.secret_key, secret_key_next=known.secret_key_next,
                       secret_key_previous=known.secret_key_previous)  # fmt: skip
        done = running.test_cli_runner().invoke(args=["keys", step, "--env-file", str(file)])
        assert done.exit_code == 0, done.output
    left = _read(file)
    assert (left["PORT"], left["AUDIT_KEYS_RETIRED"]) == ("9000", RETIRED) and left["SECRET_KEY"] != OLD
    assert not left.get("SECRET_KEY_PREVIOUS") and "# mine" in file.read_text() and file.stat().st_mode & 0o777 == 0o600
    final = site(secret_key=left["SECRET_KEY"], audit_keys_retired=left["AUDIT_KEYS_RETIRED"])
    checked = final.test_cli_runner().invoke(args=["audit", "verify"])
    assert checked.exit_code == 0 and "3 entries" in checked.output, checked.output
    again = final.test_cli_runner().invoke(args=["keys", "retire", "--env-file", str(file)])
    assert again.exit_code == 1 and "Nothing was changed" in again.output


def test_a_hint_signed_with_either_key_is_taken_and_a_strangers_is_not(app):
    old, new = (_KeyRing([derived(each, "queue") for each in pair]) for pair in ((OLD, NEW), (NEW, OLD)))
    assert new.deserialize(old.serialize("look")) == old.deserialize(new.serialize("look")) == "look"
    with pytest.raises(ValueError, match="mismatch"):
        new.deserialize(_KeyRing([b"x" * 32]).serialize("look"))


def _read(file):
    lines = [line.partition("=") for line in file.read_text().splitlines() if "=" in line]
    return {name: value for name, _, value in lines}


def test_the_file_is_changed_where_flask_has_read_it_and_a_link_to_it_stays_one(elm, site, tmp_path, monkeypatch):
    kept, link = tmp_path / "env", tmp_path / ".env"
    kept.write_text(f"SECRET_KEY={OLD}\n")
    kept.chmod(0o640)
    link.symlink_to(kept)
    monkeypatch.setenv("SECRET_KEY", OLD)  # as flask does before it runs a command
    done = site(secret_key=OLD).test_cli_runner().invoke(args=["keys", "prepare", "--env-file", str(link)])
    assert done.exit_code == 0 and "is changed" in done.output, done.output
    assert link.is_symlink() and len(_read(kept)["SECRET_KEY_NEXT"]) > 32
    assert kept.stat().st_mode & 0o777 == 0o640


def test_a_key_that_no_file_holds_is_shown_to_be_set_by_hand(elm, site, tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text(f"SECRET_KEY={NEW}\n")
    monkeypatch.setenv("SECRET_KEY", OLD)
    done = site(secret_key=OLD).test_cli_runner().invoke(args=["keys", "prepare", "--env-file", str(file)])
    assert "Set these for every process" in done.output and _read(file) == {"SECRET_KEY": NEW}
