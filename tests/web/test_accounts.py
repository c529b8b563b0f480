"""Signing in: throttled, telling nobody who has an account; one's own password; which clinic is open."""

import re

import pytest
from sqlalchemy import func, select

from reminder_site.actions import accounts, passwords
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Audit, SignInTry, Staff, StaffClinic, StaffSession
from reminder_site.queries.accounts import signed_in
from tests import factories
from tests.web.desk import errors, page, send, token

NEW = "violin lagoon stapler moss"


def try_to_sign_in(client, email, password="of nobody at all", address="10.0.0.1"):
    form = {"csrf_token": token(page(client, "/sign-in")), "email": email, "password": password}
    return client.post("/sign-in", data=form, environ_base={"REMOTE_ADDR": address})


def without_token(html, email):
    return re.sub(r'value="[^"]{60,}"', "", html).replace(email, "")


def test_alice_signs_in_however_she_writes_her_address(client, clinic):
    factories.a_staff(clinic)
    assert try_to_sign_in(client, "  ALICE@Elm.example ", factories.PASSWORD).status_code == 303
    assert "Alice" in page(client, "/")


def test_somebody_put_at_a_browser_by_the_tests_holds_what_the_page_gives(app, clinic):
    held = []
    for name, sign_in in (("Alice", factories.sign_in), ("Olga", factories.sign_in_by_form)):
        browser = app.test_client()
        staff = sign_in(browser, clinic, name=name)
        row = db.session.scalars(select(StaffSession).where(StaffSession.staff_id == staff.id)).one()
        with browser.session_transaction() as cookie:
            held.append((set(cookie), cookie.permanent, cookie["_fresh"], row.clinic_id, row.expires_at, row.ended_at))
    assert held[0] == held[1]


def test_a_known_and_an_unknown_account_get_the_same_page(client, clinic):
    factories.a_staff(clinic)
    told = []
    for email in ("alice@elm.example", "nobody@elm.example"):
        answer = try_to_sign_in(client, email)
        assert answer.status_code == 422
        told.append(without_token(answer.get_data(as_text=True), email))
    assert told[0] == told[1]
    assert "do not belong together" in told[0]


def test_an_unknown_account_costs_a_hash_too(app, monkeypatch):
    seen = []
    verify = type(passwords._hasher).verify
    monkeypatch.setattr(type(passwords._hasher), "verify", lambda *given: seen.append(given[1]) or verify(*given))
    assert not passwords.matches("anything at all", None)
    assert len(seen) == 1 and seen[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_changed_while_the_old_one_is_looked_at_opens_nothing(app, clinic, now, monkeypatch):
    staff = factories.a_staff(clinic)
    matches = passwords.matches

    def meanwhile(*given):
        with app.app_context(), transaction() as session:
            session.get_one(Staff, staff.id).password_hash = factories.kept_hash(NEW)
        return matches(*given)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    with pytest.raises(accounts.SignInRefused):
        accounts.sign_in(email=staff.email, password=factories.PASSWORD, address="10.0.0.1", now=now)
    assert db.session.scalars(select(StaffSession)).all() == []


def test_somebody_switched_off_cannot_sign_in(client, clinic):
    factories.a_staff(clinic, active=False)
    assert try_to_sign_in(client, "alice@elm.example", factories.PASSWORD).status_code == 422


def test_nothing_of_a_try_can_be_read_back(client, clinic):
    factories.a_staff(clinic)
    try_to_sign_in(client, "alice@elm.example")
    tried = db.session.scalars(select(SignInTry)).one()
    assert len(tried.account_hash) == len(tried.address_hash) == 64
    assert not tried.succeeded


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(client, clinic):
    staff = factories.a_staff(clinic)
    weak = passwords.PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash(factories.PASSWORD)
    with transaction() as session:
        session.get_one(Staff, staff.id).password_hash = weak
    assert try_to_sign_in(client, staff.email, factories.PASSWORD).status_code == 303
    db.session.rollback()
    assert db.session.get(Staff, staff.id).password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("typed", ["a" * 65_536, "\x00" * 20, "ü" * 2_000, ""])
def test_odd_passwords_are_only_wrong(client, clinic, typed):
    factories.a_staff(clinic)
    assert try_to_sign_in(client, "alice@elm.example", typed).status_code == 422


def test_a_password_of_64_characters_with_blanks_works(client, clinic):
    long = ("paste me, please; " * 4)[:64]
    factories.a_staff(clinic, password=long)
    assert try_to_sign_in(client, "alice@elm.example", long).status_code == 303


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"present": "wrong", "new": NEW, "again": NEW}, "This is not your present password."),
        ({"present": factories.PASSWORD, "new": "short", "again": "short"}, "Use at least 15 characters."),
        ({"present": factories.PASSWORD, "new": NEW, "again": NEW + "!"}, "The two do not match."),
        ({"present": factories.PASSWORD, "new": "alice elm clinic", "again": "alice elm clinic"}, "names that belong"),
        ({"present": "", "new": "", "again": ""}, "Type your present password."),
    ],
)
def test_a_password_change_says_what_is_wrong(client, clinic, form, said):
    factories.sign_in(client, clinic)
    answer = send(client, "/account", form)
    assert answer.status_code == 422
    assert any(said in words for words in errors(answer.get_data(as_text=True)))


def test_guessing_the_present_password_is_throttled_too(client, clinic):
    factories.sign_in_by_form(client, clinic)
    form = {"present": "wrong", "new": NEW, "again": NEW}
    answers = [send(client, "/account", form).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_a_password_that_was_changed_is_not_counted_as_a_wrong_try(client, clinic):
    factories.sign_in_by_form(client, clinic)
    wrong = {"present": "wrong", "new": NEW, "again": NEW}
    assert [send(client, "/account", wrong).status_code for _ in range(9)] == [422] * 9
    assert send(client, "/account", {**wrong, "present": factories.PASSWORD}).status_code == 303
    assert try_to_sign_in(client.application.test_client(), "alice@elm.example", NEW).status_code == 303


def test_somebody_of_two_clinics_switches_between_them(client, clinic):
    other = factories.a_clinic("Oak Clinic")
    staff = factories.sign_in(client, clinic)
    with transaction() as session:
        session.add(StaffClinic(staff_id=staff.id, clinic_id=other.id))
    html = page(client, "/settings")
    assert "Oak Clinic" in html and "opening hours of Elm Clinic" in html
    assert send(client, "/clinics/current", {"clinic_id": other.public_id}, opened="/account").status_code == 303
    assert "opening hours of Oak Clinic" in page(client, "/settings")


def test_a_clinic_of_somebody_else_cannot_be_opened(client, clinic):
    other = factories.a_clinic("Oak Clinic")
    factories.sign_in(client, clinic)
    assert send(client, "/clinics/current", {"clinic_id": other.public_id}, opened="/account").status_code == 404


def test_signing_in_and_out_is_written_down(client, clinic):
    staff = factories.sign_in_by_form(client, clinic)
    send(client, "/sign-out", {}, opened="/account")
    said = db.session.execute(select(Audit.what, Audit.subject).order_by(Audit.id)).all()
    assert said == [("session.opened", staff.public_id), ("session.ended", staff.public_id)]


def test_signing_out_twice_is_harmless(client, clinic):
    factories.sign_in_by_form(client, clinic)
    form = {"csrf_token": token(page(client, "/account"))}
    assert client.post("/sign-out", data=form).status_code == 303
    assert client.post("/sign-out", data=form).location == "/sign-in"
    assert db.session.scalar(select(func.count()).select_from(Audit).where(Audit.what == "session.ended")) == 1


@pytest.fixture
def alice_twice(clinic, now):
    """Alice, signed in at two browsers; who she is, her two tokens, and Bob's, who is signed in as well."""
    alice, bob = factories.a_staff(clinic), factories.a_staff(clinic, "Bob")
    with transaction() as session:
        tokens = [accounts.open_session(session, staff.id, None, now) for staff in (alice, alice, bob)]
    return Actor("staff", "Alice", alice.id), tokens


def sessions(tokens, now):
    """Who is signed in with each token, and at which clinic."""
    db.session.rollback()
    found = [signed_in(token, now=now) for token in tokens]
    return [one and (one.staff.name, one.clinic.name) for one in found]


def test_signing_out_at_one_browser_leaves_the_others_as_they_are(alice_twice, now):
    alice, tokens = alice_twice
    accounts.sign_out(token=tokens[0], by=alice, now=now)
    assert sessions(tokens, now) == [None, ("Alice", "Elm Clinic"), ("Bob", "Elm Clinic")]


def test_a_session_is_ended_once_and_its_end_is_told_of_the_right_person(alice_twice, now):
    alice, tokens = alice_twice
    for minutes in (0, 5):
        accounts.sign_out(token=tokens[0], by=alice, now=now.add(minutes=minutes))
    told = db.session.scalars(select(Audit.subject).where(Audit.what == "session.ended")).all()
    assert told == [db.session.get(Staff, alice.staff_id).public_id]
    assert db.session.scalars(select(StaffSession.ended_at).where(StaffSession.ended_at.is_not(None))).all() == [now]


def test_another_clinic_is_opened_in_one_browser_and_in_no_other(alice_twice, now):
    alice, tokens = alice_twice
    oak = factories.a_clinic("Oak Clinic")
    with transaction() as session:
        session.add(StaffClinic(staff_id=alice.staff_id, clinic_id=oak.id))
    accounts.switch_clinic(token=tokens[1], clinic=oak.public_id, by=alice, now=now)
    assert sessions(tokens, now) == [("Alice", "Elm Clinic"), ("Alice", "Oak Clinic"), ("Bob", "Elm Clinic")]


def test_a_clinic_where_only_somebody_else_works_cannot_be_opened(alice_twice, now):
    alice, tokens = alice_twice
    oak = factories.a_clinic("Oak Clinic")
    factories.a_staff(oak, "Otto")
    with pytest.raises(accounts.NotYourClinic):
        accounts.switch_clinic(token=tokens[0], clinic=oak.public_id, by=alice, now=now)


def test_a_new_password_keeps_the_clinic_one_worked_at_and_is_written_down(alice_twice, clinic, now):
    alice, tokens = alice_twice
    birch = factories.a_clinic("Birch Clinic")
    with transaction() as session:
        session.add(StaffClinic(staff_id=alice.staff_id, clinic_id=birch.id))
    accounts.switch_clinic(token=tokens[1], clinic=birch.public_id, by=alice, now=now)
    changed = {"staff_id": alice.staff_id, "present": factories.PASSWORD, "new": NEW}
    token = accounts.change_password(**changed, by=alice, now=now)
    bobs = tokens[2]
    assert sessions([*tokens[:2], token, bobs], now) == [None, None, ("Alice", "Birch Clinic"), ("Bob", "Elm Clinic")]
    assert db.session.scalars(select(Audit.actor).where(Audit.what == "password.changed")).all() == ["staff:Alice"]


def test_one_signs_oneself_out_at_another_browser_and_nobody_else(app, client, clinic):
    alice = factories.sign_in_by_form(client, clinic)
    other, bobs = app.test_client(), app.test_client()
    assert try_to_sign_in(other, alice.email, factories.PASSWORD).status_code == 303
    factories.sign_in_by_form(bobs, clinic, name="Bob")
    html = page(client, "/account")
    key = re.search(r'name="session" value="([0-9a-f]{16})"', html).group(1)
    assert html.count("This browser, since") == html.count("Another browser, since") == 1
    send(bobs, "/account/sessions/end", {"session": key}, opened="/account")
    assert page(other, "/account")
    send(client, "/account/sessions/end", {"session": key}, opened="/account")
    assert other.get("/account").status_code == 302
    assert "You are signed out there." in page(client, "/account")
    assert "Another browser" not in page(client, "/account") and page(bobs, "/account")
