"""A live site: the demo's published accounts open nothing, and nobody from outside becomes its first administrator."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from reminder_site.actions import accounts
from reminder_site.db import db, transaction
from reminder_site.domain.demo_accounts import EMAILS, PASSWORD
from reminder_site.domain.set_up_code import MOST_GUESSES
from reminder_site.models import SetUpCode, Staff
from tests import factories
from tests.web.conftest import REAL_ACCOUNT
from tests.web.desk import errors, page, send
from tests.web.test_set_up import FORM

TAKEN = "There is an account with this e-mail address already."
PUBLIC_ADDRESS = {"public_base_url": "https://reminders.clinic.example"}


@pytest.fixture
def code(app):
    """Ask for a code as the operator does."""

    def shown():
        said = app.test_cli_runner().invoke(args=["set-up-code"]).output
        return said.partition("code: ")[2].partition(" ")[0]

    return shown


def set_up(client, code):
    return send(client, "/set-up", {**FORM, "email": "eve@elm.example", "code": code})


@pytest.mark.parametrize(
    ("changed", "live"),
    [
        ({}, False),
        (REAL_ACCOUNT, True),
        (PUBLIC_ADDRESS, True),
        ({"public_base_url": "http://[::1]:8000"}, False),
        ({"public_base_url": "http://127.0.0.1.attacker.example"}, True),
    ],
)
def test_a_real_account_or_a_public_address_makes_a_site_live(app, changed, live):
    assert replace(app.extensions["settings"], **changed).is_live is live


@pytest.mark.parametrize("email", sorted(EMAILS))
def test_the_published_accounts_open_no_live_site(app, client, clinic, go_live, email):
    app.test_cli_runner().invoke(args=["demo"])
    factories.a_staff(clinic, "Eve")
    go_live()
    answer = send(client, "/sign-in", {"email": email, "password": PASSWORD})
    assert answer.status_code == 422 and "do not belong together" in answer.text


def test_nor_does_the_published_password_with_another_account(client, clinic, go_live, caplog):
    factories.a_staff(clinic, "Eve", password=PASSWORD)
    go_live()
    assert send(client, "/sign-in", {"email": "eve@elm.example", "password": PASSWORD}).status_code == 422
    assert [record.name for record in caplog.records] == ["reminder_site.security"]


def test_nor_does_a_session_from_before_the_site_went_live(client, clinic, go_live, now):
    factories.sign_in(client, clinic, name="Alice")
    factories.a_staff(clinic, "Eve")
    page(client, "/")
    go_live()
    assert client.get("/").location == "/sign-in"


def test_whoever_runs_the_site_is_told_which_accounts_of_the_demo_are_left(
    app, client, clinic, go_live, worker, caplog
):
    factories.a_staff(clinic)
    go_live()
    said = client.get("/healthz").get_json()["checks"]["accounts"]
    assert said["status"] == "degraded" and said["words"].endswith("cannot sign in: alice@elm.example")
    worker.safeguards.start()
    assert any("alice@elm.example" in record.getMessage() for record in caplog.records)
    app.test_cli_runner().invoke(args=["staff", "disable", "alice@elm.example"])
    assert client.get("/healthz").get_json()["checks"]["accounts"]["status"] == "ok"


def test_a_live_site_with_the_demos_accounts_alone_is_set_up_by_the_code(client, clinic, go_live, code):
    factories.a_staff(clinic)
    go_live()
    assert client.get("/sign-in").location == "/set-up"
    assert "Code of this machine" in page(client, "/set-up")
    right = code()
    assert errors(send(client, "/set-up", {**FORM, "email": "dana@elm.example", "code": right}).text) == [TAKEN]
    assert set_up(client, right).location == "/sign-in"
    assert db.session.scalars(select(Staff.role).order_by(Staff.id)).all() == ["reception", "administrator"]


def test_without_the_code_nobody_becomes_the_first_administrator(client, go_live, code):
    go_live()
    for typed in ("", "2345-6789-ABCD-EFGH"):
        answer = set_up(client, typed)
        assert answer.status_code == 422 and errors(answer.text)
    right = code()
    assert set_up(client, right[:-1] + "Z" * (right[-1] != "Z") + "Y" * (right[-1] == "Z")).status_code == 422
    assert db.session.scalar(select(Staff.id)) is None
    assert set_up(client, f" {right.lower()} ").location == "/sign-in"


def test_a_code_is_good_once_and_only_the_latest_is_good(client, go_live, code):
    go_live()
    older, newer = code(), code()
    assert set_up(client, older).status_code == 422
    assert set_up(client, newer).location == "/sign-in"
    assert client.get("/set-up").status_code == 404 and code() == ""
    assert db.session.scalar(select(SetUpCode.id)) is None


def test_a_code_is_dead_after_a_day(client, clock, go_live, code):
    go_live()
    right = code()
    clock.forward(hours=24)
    assert set_up(client, right).status_code == 422


def test_a_code_is_dead_after_a_thousand_guesses(client, go_live, code):
    go_live()
    right = code()
    with transaction() as session:
        session.execute(update(SetUpCode).values(guesses=MOST_GUESSES - 1))
    assert set_up(client, "WRONG").status_code == 422
    assert set_up(client, right).status_code == 422


def test_the_demo_on_one_machine_signs_in_as_before(app, client):
    app.test_cli_runner().invoke(args=["demo"])
    assert send(client, "/sign-in", {"email": "alice@elm.example", "password": PASSWORD}).location == "/"
    assert accounts.settings().is_live is False
