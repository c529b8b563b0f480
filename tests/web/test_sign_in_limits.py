"""Guessing passwords: hopeless from outside, and nobody from outside can lock staff out by it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from reminder_site.actions import accounts, passwords, sign_in_tries
from reminder_site.db import db, transaction
from reminder_site.domain import sign_in_limits as limits
from reminder_site.models import Audit, SignInTry
from reminder_site.queries.sign_in_tries import keyed
from tests import factories
from tests.web.desk import page, send, token
from tests.web.test_accounts import NEW, try_to_sign_in

ALICE = "alice@elm.example"


@pytest.fixture
def alice(client, clinic):
    """Alice, who has signed in at this browser before and signed out again."""
    staff = factories.sign_in_by_form(client, clinic)
    send(client, "/sign-out", {}, opened="/account")
    return staff


@pytest.fixture
def stranger(app):
    """A browser nobody has signed in at."""
    return app.test_client()


def wrong(now, *, times=limits.MOST_IN_A_ROW, email=ALICE, device="", address="10.66.0.1"):
    """Have so many wrong passwords typed."""
    marks = {"account_hash": keyed(email), "address_hash": keyed(address), "device_hash": device and keyed(device)}
    with transaction() as session:
        session.add_all(SignInTry(**marks, tried_at=now, succeeded=False) for _ in range(times))


def waits(client, **given):
    answer = try_to_sign_in(client, ALICE, **given)
    return int(answer.headers.get("Retry-After", 0))


@pytest.mark.parametrize("times", [10, 100, 5_000])
def test_however_often_strangers_guess_alice_signs_in_on_her_own_device(client, alice, clock, times):
    wrong(clock.machine, times=times)
    wrong(clock.machine, times=50, address="127.0.0.1")
    assert try_to_sign_in(client, ALICE, factories.PASSWORD, address="127.0.0.1").status_code == 303


def test_for_unknown_devices_each_wrong_try_makes_the_next_wait_longer(stranger, alice, clock):
    told = []
    for number in range(16):
        assert try_to_sign_in(stranger, ALICE, address=f"10.0.0.{number}").status_code == 422
        told.append(waits(stranger))
        clock.let_pass(told[-1])
    assert told == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]


def test_the_right_password_is_not_looked_at_before_the_wait_is_over(stranger, alice, clock):
    wrong(clock.machine, times=9)
    assert waits(stranger, password=factories.PASSWORD) == 16
    clock.let_pass(16)
    assert try_to_sign_in(stranger, ALICE, factories.PASSWORD).status_code == 303


def test_an_account_that_does_not_exist_is_slowed_down_alike(stranger, alice, clock):
    for email in (ALICE, "who@elm.example"):
        wrong(clock.machine, times=9, email=email, address=email)
        assert try_to_sign_in(stranger, email).headers["Retry-After"] == "16"
        wrong(clock.machine, times=91, email=email, address=email)
        assert "ask an administrator" in try_to_sign_in(stranger, email).text


def test_whoever_tries_many_accounts_from_one_address_is_slowed_down(stranger, alice, clock):
    wrong(clock.machine, times=60, email="others@elm.example")
    assert waits(stranger, password=factories.PASSWORD, address="10.66.0.1") == 60
    assert try_to_sign_in(stranger, ALICE, factories.PASSWORD, address="10.9.9.9").status_code == 303


def test_all_addresses_of_one_ipv6_network_count_as_one(app, now):
    wrong(now, times=60, email="others@elm.example", address="2001:db8::/64")
    with pytest.raises(sign_in_tries.TooManyTries):
        accounts.sign_in(email="n@x.example", password="x", address="2001:db8::ffff:1", now=now)


def test_a_known_device_has_ten_tries_an_hour_of_its_own(client, alice, clock):
    assert [try_to_sign_in(client, ALICE).status_code for _ in range(10)] == [422] * 10
    clock.let_pass(20 * 60)
    assert waits(client, password=factories.PASSWORD) == 40 * 60
    clock.let_pass(41 * 60)
    assert try_to_sign_in(client, ALICE, factories.PASSWORD).status_code == 303


def test_a_device_is_known_for_the_accounts_that_signed_in_there_alone(client, alice, clinic, clock):
    factories.a_staff(clinic, "Bob")
    wrong(clock.machine, email="bob@elm.example")
    assert try_to_sign_in(client, "bob@elm.example", factories.PASSWORD).status_code == 429
    assert try_to_sign_in(client, "  ALICE@elm.example", factories.PASSWORD).status_code == 303


def test_two_who_share_a_device_are_both_known_there(client, alice, clinic, clock):
    factories.sign_in_by_form(client, clinic, name="Bob")
    for email in (ALICE, "bob@elm.example"):
        wrong(clock.machine, email=email)
        send(client, "/sign-out", {}, opened="/account")
        assert try_to_sign_in(client, email, factories.PASSWORD).status_code == 303


def test_the_device_cookie_is_signed_out_of_reach_of_scripts_and_lasts(client, alice, clinic):
    cookie = client.get_cookie("device")
    assert cookie.http_only and cookie.same_site == "Lax" and cookie.max_age > 365 * 86_400
    assert alice.email not in cookie.value
    forged = client.application.test_client()
    forged.set_cookie("device", cookie.value[:-4] + "AAAA")
    assert send(forged, "/sign-in", {"email": ALICE, "password": "no"}).status_code == 422
    assert db.session.scalars(select(SignInTry.device_hash).order_by(SignInTry.id.desc())).first() == ""


def test_after_a_hundred_wrong_tries_in_a_row_a_known_device_is_known_no_longer(client, alice, clock):
    assert try_to_sign_in(client, ALICE).status_code == 422
    mark = db.session.scalars(select(SignInTry.device_hash).order_by(SignInTry.id.desc())).first()
    with transaction() as session:
        old = clock.machine - timedelta(hours=2)
        same = {"account_hash": keyed(ALICE), "address_hash": "", "device_hash": mark}
        session.add_all(SignInTry(**same, tried_at=old, succeeded=False) for _ in range(99))
    wrong(clock.machine)
    assert try_to_sign_in(client, ALICE, factories.PASSWORD).status_code == 429


def give_link(app, clinic, staff):
    """Have an administrator make a link, and return its path."""
    boss = app.test_client()
    factories.sign_in(boss, clinic, role="administrator", name="Dana")
    where = f"/settings/staff/{staff.public_id}"
    shown = send(boss, f"{where}/link", {}, opened=where)
    assert shown.status_code == 200
    return shown.text.partition("<code>http://localhost")[2].partition("</code>")[0]


def test_after_a_hundred_a_link_of_an_administrator_lets_an_unknown_device_in_once(app, stranger, alice, clinic, clock):
    wrong(clock.machine)
    refused = try_to_sign_in(stranger, ALICE, factories.PASSWORD)
    assert refused.status_code == 429 and "ask an administrator of your clinic for a link" in refused.text
    link = give_link(app, clinic, alice)
    assert send(stranger, link, {}).location == "/sign-in"
    assert try_to_sign_in(stranger, ALICE).status_code == 422, "the password is still needed"
    assert try_to_sign_in(stranger, ALICE, factories.PASSWORD).status_code == 303
    other = app.test_client()
    assert send(other, link, {}).status_code == 410
    assert try_to_sign_in(other, ALICE, factories.PASSWORD).status_code == 429
    told = db.session.scalars(select(Audit.what).where(Audit.what.startswith("sign_in_link"))).all()
    assert sorted(told) == ["sign_in_link.given", "sign_in_link.used"]


def test_looking_at_a_link_does_not_use_it_and_it_is_dead_after_a_day(app, stranger, alice, clinic, clock):
    link = give_link(app, clinic, alice)
    assert "Go on to sign in" in page(stranger, link) and page(stranger, link)
    clock.let_pass(24 * 3600)
    assert send(stranger, link, {}).status_code == 410


def test_the_operator_can_give_a_link_too(app, stranger, alice, clock):
    wrong(clock.machine)
    said = app.test_cli_runner().invoke(args=["staff", "link", ALICE]).output
    assert send(stranger, said.partition("http://localhost")[2].partition(" ")[0], {}).status_code == 303
    assert try_to_sign_in(stranger, ALICE, factories.PASSWORD).status_code == 303


def test_a_new_password_forgets_the_wrong_ones(app, stranger, alice, clinic, clock):
    wrong(clock.machine)
    boss = app.test_client()
    factories.sign_in(boss, clinic, role="administrator", name="Dana")
    where = f"/settings/staff/{alice.public_id}"
    assert send(boss, f"{where}/password", {"password": NEW}, opened=where).status_code == 303
    assert try_to_sign_in(stranger, ALICE, NEW).status_code == 303


@pytest.mark.parametrize(("role", "name", "told"), [("administrator", "Dana", True), ("reception", "Bob", False)])
def test_administrators_are_told_of_many_wrong_passwords(app, alice, clinic, clock, role, name, told):
    wrong(clock.machine, times=limits.TOLD_FROM)
    browser = app.test_client()
    factories.sign_in(browser, clinic, role=role, name=name)
    assert ("Many wrong passwords were typed today for Alice" in page(browser, "/account")) is told
    if told:
        assert "10 wrong passwords today" in page(browser, "/settings/staff")


def test_the_owner_is_told_of_many_wrong_passwords_and_not_of_a_few(client, alice, clock):
    assert try_to_sign_in(client, ALICE, factories.PASSWORD).status_code == 303
    wrong(clock.machine, times=limits.TOLD_FROM - 1)
    assert "wrong passwords" not in page(client, "/account")
    wrong(clock.machine, times=1)
    assert "Somebody typed 10 wrong passwords for your account today" in page(client, "/account")
    clock.let_pass(24 * 3600)
    assert try_to_sign_in(client, ALICE, factories.PASSWORD).status_code == 303
    assert "wrong passwords" not in page(client, "/account")


def test_a_thousand_tries_cost_few_hash_checks(app, alice, now, monkeypatch):
    checks = []
    monkeypatch.setattr(passwords, "matches", lambda *given: bool(checks.append(given)))
    for number in range(1000):
        with pytest.raises((accounts.SignInRefused, sign_in_tries.TooManyTries)):
            accounts.sign_in(email=ALICE, password="x", address=f"10.0.{number // 250}.{number}", now=now)
    assert len(checks) == limits.UNKNOWN_DEVICES.free


def test_tries_at_the_same_moment_do_not_slip_past_the_limit(app, alice, now, monkeypatch):
    checks = []
    monkeypatch.setattr(passwords, "matches", lambda *given: bool(checks.append(given)))

    def attempt(number):
        with app.app_context(), pytest.raises((accounts.SignInRefused, sign_in_tries.TooManyTries)):
            accounts.sign_in(email=ALICE, password="x", address=f"10.0.0.{number}", now=now)
        with app.app_context():
            db.session.remove()

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(attempt, range(40)))
    assert len(checks) == limits.UNKNOWN_DEVICES.free


def test_signing_in_again_ends_the_session_before(client, clinic):
    alice = factories.sign_in_by_form(client, clinic)
    before = client.get_cookie("session").value
    form = {"csrf_token": token(page(client, "/account")), "email": alice.email, "password": factories.PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 303
    page(client, "/account")
    client.set_cookie("session", before)
    assert client.get("/account").location.startswith("/sign-in")


def test_refused_tries_stand_in_the_security_log_without_the_address_or_the_password(stranger, alice, caplog, clock):
    try_to_sign_in(stranger, ALICE, "of nobody at all")
    wrong(clock.machine, times=20)
    try_to_sign_in(stranger, ALICE)
    said = [record.getMessage() for record in caplog.records if record.name == "reminder_site.security"]
    assert len(said) == 2 and not any(ALICE in line or "nobody" in line for line in said)
    assert db.session.scalar(select(func.count()).select_from(SignInTry)) == 22
