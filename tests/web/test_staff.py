"""Accounts: who may add, change and switch off whom, and what that does at once."""

import pytest
from sqlalchemy import select

from reminder_site.actions import staff as actions
from reminder_site.actions.settings_guard import NotHere
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Audit, Staff, StaffClinic
from tests import factories
from tests.web.desk import errors, page, send
from tests.web.test_settings import as_shown

NEW = "violin lagoon stapler moss"


@pytest.fixture
def dana(client, clinic):
    """Dana, the administrator, signed in."""
    factories.sign_in(client, clinic, role="administrator", name="Dana")
    return client


def form_of(clinic, **changes):
    return {
        "name": "Eve",
        "email": "eve@elm.example",
        "role": "reception",
        "clinics": [clinic.public_id],
        "password": NEW,
    } | changes


def account(email):
    db.session.rollback()
    return db.session.scalar(select(Staff).where(Staff.email == email))


def works_at(staff, clinic):
    with transaction() as session:
        session.add(StaffClinic(staff_id=staff.id, clinic_id=clinic.id))


def test_a_new_account_can_sign_in(dana, clinic, app):
    assert send(dana, "/settings/staff/new", form_of(clinic, email="Eve@Elm.example ")).status_code == 303
    signed_in = send(app.test_client(), "/sign-in", {"email": "eve@elm.example", "password": NEW})
    assert signed_in.location == "/"
    assert "eve@elm.example" in page(dana, "/settings/staff")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"email": "dana@elm.example"}, "already"),
        ({"email": "eve"}, "Write an e-mail address"),
        ({"name": ""}, "Give the person's name."),
        ({"name": "E\x00ve"}, "hidden control character"),
        ({"role": "king"}, "Choose one from the list."),
        ({"clinics": []}, "Tick at least one clinic."),
        ({"password": "eve elm clinic 1"}, "names that belong"),
        ({"password": ""}, "Type the new password."),
    ],
)
def test_an_account_that_cannot_be_is_refused_beside_the_field(dana, clinic, changes, said):
    answer = send(dana, "/settings/staff/new", form_of(clinic, **changes))
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and any(said in words for words in errors(html)), errors(html)
    assert NEW not in html and account("eve@elm.example") is None


def test_a_clinic_of_somebody_else_cannot_be_given(dana):
    other = factories.a_clinic("Oak Clinic")
    assert send(dana, "/settings/staff/new", form_of(other)).status_code == 422
    assert account("eve@elm.example") is None


@pytest.mark.parametrize("role", ["manager", "administrator"])
def test_a_manager_makes_nobody_as_powerful_as_herself(client, clinic, role):
    factories.sign_in(client, clinic, role="manager", name="Mara")
    assert send(client, "/settings/staff/new", form_of(clinic, role=role)).status_code == 422
    assert account("eve@elm.example") is None


def test_another_role_takes_effect_at_once_and_ends_the_session(dana, clinic, app):
    alice = app.test_client()
    staff = factories.sign_in(alice, clinic, role="manager")
    url = f"/settings/staff/{staff.public_id}"
    form = {**as_shown(page(dana, url)), "role": "reception"}
    assert dana.post(url, data=form).status_code == 303
    assert alice.get("/").location.startswith("/sign-in")
    assert account("alice@elm.example").role == "reception"


def test_the_second_of_two_who_change_an_account_is_told(dana, clinic):
    staff = factories.a_staff(clinic)
    url = f"/settings/staff/{staff.public_id}"
    stale = as_shown(page(dana, url))
    assert dana.post(url, data={**stale, "name": "Alicia"}).status_code == 303
    answer = dana.post(url, data={**stale, "name": "Alix"})
    assert answer.status_code == 409 and "it is now Alicia" in answer.get_data(as_text=True)
    assert account("alice@elm.example").name == "Alicia"


def test_nobody_switches_off_or_promotes_themselves(dana):
    mine = account("dana@elm.example")
    send(dana, f"/settings/staff/{mine.public_id}/off", {}, opened="/account")
    assert account("dana@elm.example").active
    form = {"name": "Dana", "role": "manager", "version": mine.version}
    assert send(dana, f"/settings/staff/{mine.public_id}", form, opened="/account").status_code == 422
    assert account("dana@elm.example").role == "administrator"


@pytest.mark.parametrize("act", ["off", "password"])
def test_a_manager_touches_no_administrator(client, clinic, act):
    boss = factories.a_staff(clinic, "Dana", "administrator")
    factories.sign_in(client, clinic, role="manager", name="Mara")
    send(client, f"/settings/staff/{boss.public_id}/{act}", {"password": NEW}, opened="/account")
    assert account(boss.email).active and account(boss.email).password_hash == boss.password_hash


@pytest.mark.parametrize("act", ["off", "password"])
def test_an_administrator_does_not_take_over_somebody_who_works_elsewhere_too(dana, clinic, act):
    """Else the password of one clinic's account would open another clinic's patients."""
    shared = factories.a_staff(clinic, "Sam")
    works_at(shared, factories.a_clinic("Oak Clinic"))
    kept = account(shared.email).password_hash
    send(dana, f"/settings/staff/{shared.public_id}/{act}", {"password": NEW}, opened="/account")
    assert account(shared.email).active and account(shared.email).password_hash == kept
    html = page(dana, "/settings/staff")
    assert "and elsewhere" in html and "Oak Clinic" not in html


def test_switched_off_and_on_again(dana, clinic, app):
    staff = factories.a_staff(clinic)
    for act, status in (("off", 422), ("on", 303)):
        send(dana, f"/settings/staff/{staff.public_id}/{act}", {}, opened="/settings/staff")
        form = {"email": staff.email, "password": factories.PASSWORD}
        assert send(app.test_client(), "/sign-in", form).status_code == status


def test_changes_to_accounts_are_written_down(dana, clinic):
    send(dana, "/settings/staff/new", form_of(clinic))
    send(dana.application.test_client(), "/sign-in", {"email": "eve@elm.example", "password": NEW})
    eve = account("eve@elm.example")
    send(dana, f"/settings/staff/{eve.public_id}/off", {}, opened="/settings/staff")
    said = db.session.execute(
        select(Audit.what, Audit.actor).where(Audit.subject == eve.public_id).order_by(Audit.id)
    ).all()
    assert said == [("staff.added", "staff:Eve"), ("session.opened", "staff:Eve"), ("staff.switched", "staff:Dana")]
    assert db.session.scalars(select(Audit.actor).where(Audit.what == "staff.invited")).all() == ["staff:Dana"]


def test_an_account_of_other_clinics_is_not_even_there(clinic, now):
    boss = factories.a_staff(clinic, "Dana", "administrator")
    stranger = factories.a_staff(factories.a_clinic("Oak Clinic"), "Bob")
    with pytest.raises(NotHere):
        actions.set_password(staff=stranger.public_id, password=NEW, by=Actor("staff", "Dana", boss.id), now=now)


def test_a_session_from_before_an_account_was_switched_off_does_not_come_back_with_it(dana, clinic, app):
    alice = app.test_client()
    staff = factories.sign_in(alice, clinic)
    for act in ("off", "on"):
        send(dana, f"/settings/staff/{staff.public_id}/{act}", {}, opened="/settings/staff")
    assert account(staff.email).active
    assert alice.get("/").location.startswith("/sign-in")


def test_a_password_set_by_somebody_else_ends_the_sessions(dana, clinic, app):
    alice = app.test_client()
    staff = factories.sign_in(alice, clinic)
    where = f"/settings/staff/{staff.public_id}"
    assert send(dana, f"{where}/password", {"password": NEW}, opened=where).status_code == 303
    assert alice.get("/").location.startswith("/sign-in")


def test_a_manager_gives_nobody_a_role_as_high_as_her_own(clinic, now):
    mara, sam = factories.a_staff(clinic, "Mara", "manager"), factories.a_staff(clinic, "Sam")
    form = {"staff": sam.public_id, "name": "Sam", "clinics": [clinic.public_id], "version": 1}
    for role in ("manager", "administrator"):
        with pytest.raises(actions.NotYours):
            actions.change_staff(**form, role=role, by=Actor("staff", "Mara", mara.id), now=now)
    assert account(sam.email).role == "reception"
