"""The demo and the accounts from the terminal."""

import pytest
from sqlalchemy import func, select

from reminder_site.app import create_app
from reminder_site.commands import demo
from reminder_site.db import db
from reminder_site.domain import passwords, phones
from reminder_site.models import Appointment, Clinic, Message, Patient, Staff
from tests import conftest, factories
from tests.web.desk import page, send

TABLES = (Clinic, Staff, Patient, Appointment, Message)


@pytest.fixture
def run(app):
    """Run an operator command; returns its result."""
    return lambda *words, typed=None: app.test_cli_runner().invoke(args=words, input=typed)


def counts():
    db.session.rollback()
    return [db.session.scalar(select(func.count()).select_from(table)) for table in TABLES]


def test_the_demo_can_be_used_at_once_and_made_again_without_doubling(run, client):
    first = run("demo")
    assert first.exit_code == 0 and demo.PASSWORD in first.output and "alice@elm.example" in first.output
    made = counts()
    assert made[0] == 2 and made[1] == 4 and all(made)
    assert run("demo").output == first.output and counts() == made
    assert send(client, "/sign-in", {"email": "alice@elm.example", "password": demo.PASSWORD}).location == "/"
    assert "Elm Clinic" in page(client, "/")


def test_a_demo_left_alone_for_two_months_has_a_full_day_list_again(run, clock):
    run("demo")
    before = counts()
    clock.forward(days=60)
    assert run("demo").exit_code == 0
    assert counts()[3] > before[3] and counts()[:3] == before[:3]


def test_the_demos_numbers_belong_to_nobody_and_nobody_may_choose_its_password(run):
    run("demo")
    numbers = db.session.scalars(select(Patient.phone_e164).where(Patient.phone_e164 != "")).all()
    assert numbers and all(phones.read(number, "US").e164[5:10] == "55501" for number in numbers)
    known = [part for person in (demo.HEAD, *demo.PEOPLE) for part in person[:2]]
    assert passwords.refusal(demo.PASSWORD, known=known) is not None


def test_the_demo_stays_out_of_a_site_that_is_in_use(run, clinic):
    factories.a_staff(clinic)
    before = counts()
    assert "no demo is added" in run("demo").output and counts() == before


def test_the_demo_is_refused_beside_a_real_account(tmp_path, sandbox):
    known = conftest.test_settings(f"sqlite:///{tmp_path}/site.db", f"sqlite:///{tmp_path}/queue.db", sandbox.url)
    real = {"twilio_account_sid": "AC" + "0" * 32, "twilio_base_url": ""}
    app = create_app(type(known)(**{**vars(known), **real}))
    with app.app_context():
        conftest._migrate()
        refused = app.test_cli_runner().invoke(args=["demo"])
        assert refused.exit_code == 1 and "real Twilio account" in refused.output
        assert counts() == [0] * len(TABLES)
        db.session.remove()
        db.engine.dispose()
    app.extensions["alarms"].close()


def test_an_account_is_added_listed_switched_off_and_on(run, clinic, client):
    typed = "violin lagoon stapler\n" * 2
    assert run("staff", "add", "Eve@elm.example", "Eve", "--clinic", "Elm Clinic", typed=typed).exit_code == 0
    assert "eve@elm.example\treception\tEve" in run("staff", "list").output
    assert run("staff", "disable", "eve@elm.example").exit_code == 0
    assert "switched off" in run("staff", "list").output
    assert run("staff", "enable", "eve@elm.example").exit_code == 0
    assert run("staff", "password", "eve@elm.example", typed="moss stapler lagoon\n" * 2).exit_code == 0
    assert send(client, "/sign-in", {"email": "eve@elm.example", "password": "moss stapler lagoon"}).location == "/"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("add", "eve@elm.example", "Eve", "--clinic", "Oak", "--password", "violin lagoon stapler"),
            "no clinic called",
        ),
        (("add", "eve@elm.example", "Eve", "--password", "eve eve eve eve eve"), "Use"),
        (("add", "alice@elm.example", "Alice", "--password", "violin lagoon stapler"), "already"),
        (("disable", "nobody@elm.example"), "There is no account"),
        (("password", "nobody@elm.example", "--password", "violin lagoon stapler"), "There is no account"),
    ],
)
def test_what_cannot_be_is_said_in_words(run, clinic, words, said):
    factories.a_staff(clinic)
    refused = run("staff", *words)
    assert refused.exit_code == 1 and said in refused.output


def test_an_account_needs_a_clinic_first(run):
    refused = run("staff", "add", "eve@elm.example", "Eve", "--password", "violin lagoon stapler")
    assert refused.exit_code == 1 and "set it up first" in refused.output


def test_the_hints_of_a_command_have_left_when_it_ends(app, clock, run):
    alarms = app.extensions["alarms"]
    assert alarms.flush(20)
    alarms.huey.flush()
    assert run("demo").exit_code == 0
    assert alarms.flush(0)
    assert alarms.huey.pending_count() + alarms.huey.scheduled_count() >= 1
