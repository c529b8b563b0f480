"""Invitations: good once, for a week, for whoever was meant; and nobody learns by them who has an account."""

import re

import pytest
from sqlalchemy import select

from reminder_site.actions import invitations, joining, passwords
from reminder_site.actions.staff_rows import EmailTaken, NotYours
from reminder_site.db import db
from reminder_site.domain.actor import Actor
from reminder_site.models import Audit, Invitation, Staff, StaffClinic
from tests import factories
from tests.web.desk import page, send
from tests.web.test_accounts import NEW, try_to_sign_in, without_token

OTHER = "copper walrus lantern quiz"


@pytest.fixture
def oak():
    return factories.a_clinic("Oak Clinic")


@pytest.fixture
def invited(clinic, now):
    """Have Mara, who manages Elm, invite somebody there; returns what that does."""
    mara = factories.a_staff(clinic, "Mara", "manager")

    def invite(email, role="reception", at=now):
        given = {"email": email, "name": "Eve", "role": role, "password": NEW, "clinics": [clinic.public_id]}
        invitations.invite(**given, by=Actor("staff", "Mara", mara.id), now=at)

    return invite


def clinics_of(email):
    db.session.rollback()
    works = select(StaffClinic.clinic_id).join(Staff, Staff.id == StaffClinic.staff_id).where(Staff.email == email)
    return sorted(db.session.scalars(works))


def test_the_first_password_makes_the_account_once(app, client, clinic, invited):
    invited("eve@elm.example")
    assert try_to_sign_in(client, "eve@elm.example", OTHER).status_code == 422
    assert try_to_sign_in(client, " Eve@ELM.example", NEW).location == "/"
    assert clinics_of("eve@elm.example") == [clinic.id] and db.session.scalar(select(Invitation)) is None
    assert try_to_sign_in(app.test_client(), "eve@elm.example", NEW).location == "/"


def test_an_invitation_is_dead_after_a_week_and_forgotten(client, clinic, invited, now, clock):
    invited("eve@elm.example")
    clock.let_pass(7 * 24 * 3600)
    assert try_to_sign_in(client, "eve@elm.example", NEW).status_code == 422
    invited("eve@elm.example", at=clock.machine)
    invitations.forget(now=clock.machine)
    assert len(db.session.scalars(select(Invitation)).all()) == 1


def test_the_first_password_of_an_invitation_opens_nobodys_account(client, oak, invited):
    factories.a_staff(oak, "Otto")
    invited("otto@elm.example")
    wrong = try_to_sign_in(client, "otto@elm.example", NEW)
    unknown = try_to_sign_in(client, "nobody@elm.example", NEW)
    assert wrong.status_code == unknown.status_code == 422
    plain = [without_token(answer.text, email) for answer, email in ((wrong, "otto@"), (unknown, "nobody@"))]
    assert plain[0] == plain[1]


def test_whoever_has_an_account_accepts_after_signing_in(client, clinic, oak, invited):
    otto = factories.a_staff(oak, "Otto")
    invited(otto.email)
    assert try_to_sign_in(client, otto.email, factories.PASSWORD).location == "/"
    assert "Elm Clinic invites you" in page(client, "/")
    html = page(client, "/account")
    assert "Mara asked for it" in html
    accept = re.search(r"/account/invitations/[\w-]{16}/accept", html)[0]
    for wrong in ({}, {"given": factories.PASSWORD}, {"given": ""}):
        send(client, accept, wrong, opened="/account")
        assert clinics_of(otto.email) == [oak.id]
    assert send(client, accept, {"given": NEW}, opened="/account").location == "/account"
    assert clinics_of(otto.email) == sorted([clinic.id, oak.id])
    assert send(client, accept, {"given": NEW}, opened="/account").status_code == 404
    told = db.session.execute(select(Audit.actor, Audit.clinic_id).where(Audit.what == "invitation.accepted")).all()
    assert told == [("staff:Otto", clinic.id)]


def test_the_first_password_of_an_invitation_cannot_be_guessed(client, clinic, oak, invited):
    otto = factories.a_staff(oak, "Otto")
    invited(otto.email)
    try_to_sign_in(client, otto.email, factories.PASSWORD)
    accept = re.search(r"/account/invitations/[\w-]{16}/accept", page(client, "/account"))[0]
    answers = [send(client, accept, {"given": f"guess {n} of many"}, opened="/account").status_code for n in range(12)]
    assert answers[0] == 303 and answers[-1] == 429
    assert send(client, accept, {"given": NEW}, opened="/account").status_code == 429 and clinics_of(otto.email) == [
        oak.id
    ]


def test_a_declined_invitation_changes_nothing(client, oak, invited):
    otto = factories.a_staff(oak, "Otto")
    invited(otto.email)
    try_to_sign_in(client, otto.email, factories.PASSWORD)
    decline = re.search(r"/account/invitations/[\w-]{16}/decline", page(client, "/account"))[0]
    assert send(client, decline, {}, opened="/account").location == "/account"
    assert clinics_of(otto.email) == [oak.id] and "invites you" not in page(client, "/account").partition("<h2>")[2]


def test_an_account_of_another_role_carries_it_nowhere_by_an_invitation(client, clinic, oak, invited):
    boss = factories.a_staff(oak, "Otto", "administrator")
    invited(boss.email)
    try_to_sign_in(client, boss.email, factories.PASSWORD)
    html = page(client, "/account")
    assert "an account has one role" in html and "/accept" not in html
    made = db.session.scalars(select(Invitation.public_id)).one()
    send(client, f"/account/invitations/{made}/accept", {"given": NEW}, opened="/account")
    assert clinics_of(boss.email) == [oak.id]


def test_nobody_takes_an_invitation_of_somebody_else(app, client, clinic, oak, invited):
    factories.a_staff(oak, "Otto")
    invited("otto@elm.example")
    factories.sign_in(client, oak, name="Olga")
    made = db.session.scalars(select(Invitation.public_id)).one()
    for act in ("accept", "decline"):
        sent = send(client, f"/account/invitations/{made}/{act}", {"given": NEW}, opened="/account")
        assert sent.status_code == 404
    stranger = app.test_client()
    factories.sign_in(stranger, oak, role="administrator", name="Omar")
    assert send(stranger, f"/settings/staff/invitations/{made}/withdraw", {}, opened="/account").status_code == 404
    assert "Invited" not in page(stranger, "/settings/staff") and "Mara" not in page(stranger, "/settings/staff")
    assert db.session.scalar(select(Invitation))


def test_a_withdrawn_invitation_opens_nothing(app, client, clinic, invited):
    invited("eve@elm.example")
    factories.sign_in(client, clinic, role="administrator", name="Dana")
    made = db.session.scalars(select(Invitation.public_id)).one()
    assert send(client, f"/settings/staff/invitations/{made}/withdraw", {}, opened="/settings/staff").status_code == 303
    assert try_to_sign_in(app.test_client(), "eve@elm.example", NEW).status_code == 422


def test_no_address_is_invited_twice_or_beyond_ones_role(clinic, invited):
    invited("eve@elm.example")
    for email, role, refused in (
        ("EVE@elm.example", "reception", EmailTaken),
        ("mara@elm.example", "reception", EmailTaken),
        ("fay@elm.example", "manager", NotYours),
    ):
        with pytest.raises(refused):
            invited(email, role)


@pytest.mark.parametrize("known", ["nobody", "account", "invitation", "account and invitation"])
def test_a_try_costs_one_hash_whatever_there_is(client, clinic, oak, invited, monkeypatch, known):
    email = "otto@elm.example"
    if "account" in known:
        factories.a_staff(oak, "Otto")
    if "invitation" in known:
        invited(email)
    seen, matches = [], passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda *given: seen.append(given) or matches(*given))
    assert try_to_sign_in(client, email, OTHER).status_code == 422
    assert len(seen) == 1


def test_two_who_join_at_once_make_one_account(app, clinic, invited, now):
    invited("eve@elm.example")
    made = db.session.scalars(select(Invitation.id)).one()
    assert joining.join(made, now) is not None and joining.join(made, now) is None
    assert len(clinics_of("eve@elm.example")) == 1
