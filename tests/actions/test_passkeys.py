"""Passkeys: an answer counts once, for the right site, with the person verified; a wrong one opens nothing."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from reminder_site.actions import accounts, factor_codes, passkeys, staff
from reminder_site.db import db
from reminder_site.domain.actor import OPERATOR, Actor
from reminder_site.domain.passkeys import Party, party
from reminder_site.models import Audit, Passkey, StaffSession
from reminder_site.queries.accounts import signed_in
from tests import factories
from tests.authenticator import Authenticator


@pytest.fixture
def alice(clinic):
    return factories.a_staff(clinic)


@pytest.fixture
def device():
    return Authenticator()


def add(whose, device, now, **changed):
    offer = passkeys.offer_new(staff_id=whose.id, clinic="Elm Clinic", now=now)
    by = Actor("staff", whose.name, whose.id)
    given = {"name": "Phone", "sealed": offer.sealed, "answer": device.create(offer.options), "code": ""}
    typed = {"staff_id": whose.id, "present": factories.PASSWORD, "by": by, "now": now}
    return passkeys.add(**(given | typed | changed))


def sign_in(device, now, /, **changed):
    offer = passkeys.offer_sign_in(now=now)
    given = {"sealed": offer.sealed, "answer": device.get(offer.options), "now": now}
    return passkeys.sign_in(**(given | changed))


def test_a_passkey_stands_for_both_factors(alice, device, now):
    shows = factories.a_second_factor(alice)
    assert signed_in(add(alice, device, now, code=shows(now)), now=now)
    token, email = sign_in(device, now)
    assert signed_in(token, now=now).staff.id == alice.id and email == alice.email
    facts = db.session.scalars(select(Audit.facts).where(Audit.what == "session.opened")).all()
    assert facts == [{"with": "passkey"}]
    assert db.session.scalars(select(Passkey.sign_count)).one() == 1


def test_adding_one_needs_the_password_and_the_code_and_ends_every_session(alice, device, now):
    with factories.transaction() as session:
        before = accounts.open_session(session, alice.id, None, now)
    shows = factories.a_second_factor(alice)
    with pytest.raises(accounts.WrongPassword):
        add(alice, device, now, present="wrong", code=shows(now))
    with pytest.raises(factor_codes.WrongCode):
        add(alice, device, now, code="123456")
    assert signed_in(before, now=now) and db.session.scalar(select(Passkey)) is None
    assert signed_in(add(alice, device, now, code=shows(now)), now=now) and signed_in(before, now=now) is None


@pytest.mark.parametrize(
    "wrong",
    [{"verifies": False}, {"origin": "http://localhost.evil.example"}, {"host": "evil.example"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_answer_without_a_person_or_for_another_site_is_refused(alice, device, now, wrong):
    with pytest.raises(passkeys.BadAnswer):
        add(alice, Authenticator(**wrong), now)
    add(alice, device, now)
    vars(device).update(wrong)
    with pytest.raises(passkeys.BadAnswer):
        sign_in(device, now)
    assert len(db.session.scalars(select(StaffSession).where(StaffSession.ended_at.is_(None))).all()) == 1


def test_an_answer_counts_once_also_at_the_same_moment(app, alice, device, now):
    add(alice, device, now)
    device.counts = False
    offer = passkeys.offer_sign_in(now=now)
    given = {"sealed": offer.sealed, "answer": device.get(offer.options), "now": now}

    def attempt(_):
        with app.app_context():
            try:
                return passkeys.sign_in(**given)[0]
            except passkeys.BadAnswer:
                return None
            finally:
                db.session.remove()

    with ThreadPoolExecutor(8) as crowd:
        opened = [token for token in crowd.map(attempt, range(20)) if token]
    db.session.rollback()
    assert len(opened) == 1 and signed_in(opened[0], now=now)


def test_an_answer_to_another_challenge_or_too_late_is_refused(alice, device, now):
    add(alice, device, now)
    other = passkeys.offer_sign_in(now=now)
    mine = passkeys.offer_new(staff_id=alice.id, clinic="Elm Clinic", now=now)
    for changed in (
        {"sealed": other.sealed},
        {"sealed": mine.sealed},
        {"sealed": ""},
        {"now": now.add(minutes=61)},
    ):
        with pytest.raises(passkeys.BadAnswer):
            sign_in(device, now, **changed)


def test_an_answer_to_another_pages_question_signs_nobody_in(alice, device, now):
    add(alice, device, now)
    mine = passkeys.offer_new(staff_id=alice.id, clinic="Elm Clinic", now=now)
    with pytest.raises(passkeys.BadAnswer):
        sign_in(device, now, sealed=mine.sealed, answer=device.get(mine.options))


def test_a_key_that_was_copied_shows_by_its_count(alice, device, now):
    add(alice, device, now)
    sign_in(device, now)
    device.used = 0
    with pytest.raises(passkeys.BadAnswer):
        sign_in(device, now)


def test_a_stranger_with_a_key_of_the_same_name_opens_nothing(alice, device, now):
    add(alice, device, now)
    stranger = Authenticator()
    with pytest.raises(passkeys.BadAnswer):
        sign_in(stranger, now)
    stranger.id = device.id
    with pytest.raises(passkeys.BadAnswer):
        sign_in(stranger, now)


def test_a_passkey_is_kept_for_one_account_and_nobody_has_more_than_ten(alice, clinic, device, now):
    add(alice, device, now)
    with pytest.raises(passkeys.BadAnswer):
        add(factories.a_staff(clinic, "Bob"), device, now)
    for _ in range(9):
        add(alice, Authenticator(), now)
    with pytest.raises(passkeys.TooManyPasskeys):
        add(alice, Authenticator(), now)


@pytest.mark.parametrize("how", ["removed", "taken", "off", "set", "changed"])
def test_one_that_was_taken_out_opens_nothing(alice, device, now, how):
    add(alice, device, now)
    by, key = Actor("staff", "Alice", alice.id), db.session.scalars(select(Passkey.public_id)).one()
    if how == "removed":
        given = {"staff_id": alice.id, "present": factories.PASSWORD, "code": "", "by": by, "now": now}
        assert signed_in(passkeys.remove(passkey=key, **given), now=now)
        with pytest.raises(passkeys.BadAnswer):
            passkeys.remove(passkey=key, **given)
    elif how == "taken":
        add(alice, other := Authenticator(), now)
        staff.take_factor(staff=alice.public_id, by=OPERATOR, now=now)
        assert other.id != device.id and passkeys.offer_sign_in(now=now) is None
        return
    elif how == "set":
        staff.set_password(staff=alice.public_id, password="a new one of sixteen", by=OPERATOR, now=now)
    elif how == "changed":
        new = {"present": factories.PASSWORD, "new": "a new one of sixteen"}
        accounts.change_password(staff_id=alice.id, **new, by=by, now=now)
    else:
        for on in (False, True):
            staff.switch_staff(staff=alice.public_id, on=on, by=OPERATOR, now=now)
    add(factories.a_staff(factories.a_clinic("Oak Clinic"), "Bob"), Authenticator(), now)
    with pytest.raises(passkeys.BadAnswer):
        sign_in(device, now)


def mangled(answer, chance):
    """Change an answer somewhere: a field, a letter, a type, or all of it."""
    said = json.loads(answer)
    place = said["response"] if chance.random() < 0.7 else said
    name = chance.choice(sorted(place))
    odd = ["", "A", "AAAA", "\0", "ü", 7, None, [], {}, "x" * 3000, True, -1.5]
    text = str(place[name])
    cut = chance.randrange(len(text) or 1)
    place[name] = chance.choice([*odd, text[:cut], text[:cut] + chance.choice("ABCDwxyz0189") + text[cut + 1 :]])
    return json.dumps(said)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_no_mangled_answer_is_taken_or_breaks_anything(alice, clinic, device, now):
    chance, bob = random.Random(7), factories.a_staff(clinic, "Bob")
    add(alice, device, now)
    offer, new = passkeys.offer_sign_in(now=now), passkeys.offer_new(staff_id=bob.id, clinic="Elm", now=now)
    by, right, made = Actor("staff", "Bob", bob.id), device.get(offer.options), Authenticator().create(new.options)
    refused = 0
    for answer in ["", "x", "[]", "{}", "7", '{"id": 7}', "[" * 5000, *(mangled(right, chance) for _ in range(300))]:
        if answer and answer[0] == "{" and json.loads(answer) == json.loads(right):
            continue
        try:
            passkeys.sign_in(sealed=offer.sealed, answer=answer, now=now)
        except passkeys.BadAnswer:
            refused += 1
    typed = {"staff_id": bob.id, "name": "x", "present": "wrong", "code": "", "by": by, "now": now}
    for answer in ["", "{}", *(mangled(made, chance) for _ in range(300))]:
        with pytest.raises((passkeys.BadAnswer, accounts.WrongPassword, accounts.sign_in_tries.TooManyTries)):
            passkeys.add(sealed=new.sealed, answer=answer, **typed)
    assert refused > 290 and len(db.session.scalars(select(Passkey)).all()) == 1


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://elm.example", Party("elm.example", "https://elm.example")),
        ("https://elm.example:8443/desk", Party("elm.example", "https://elm.example:8443")),
        ("http://localhost:8000", Party("localhost", "http://localhost:8000")),
        ("http://127.0.0.1:8000", None),
        ("https://[2001:db8::1]", None),
        ("http://elm.example", None),
    ],
)
def test_passkeys_are_offered_where_browsers_make_them(address, site):
    url = urlsplit(address)
    assert party(url.scheme, url.hostname, url.port) == site


def test_at_a_bare_address_none_is_offered(app, alice, now, monkeypatch):
    monkeypatch.setitem(
        app.extensions, "settings", replace(app.extensions["settings"], public_base_url="http://127.0.0.1:8000")
    )
    assert passkeys.offer_sign_in(now=now) is None and not passkeys.is_possible()
    with pytest.raises(passkeys.NotPossible):
        passkeys.offer_new(staff_id=alice.id, clinic="Elm Clinic", now=now)
