"""Who is signed in with a token, and at which clinic."""

import pytest
from sqlalchemy import update

from reminder_site.actions.accounts import SESSION_HOURS, open_session
from reminder_site.db import transaction
from reminder_site.models import Staff, StaffClinic, StaffSession
from reminder_site.queries import accounts
from tests import factories


@pytest.fixture
def signed_in(clinic, oak, now):
    """Alice's token at Elm Clinic, where Bob is signed in too; Otto works at Oak Clinic."""
    alice, bob = factories.a_staff(clinic), factories.a_staff(clinic, "Bob")
    factories.a_staff(oak, "Otto")
    with transaction() as session:
        return [open_session(session, staff.id, None, now) for staff in (alice, bob)][0]


def change(table, **columns):
    with transaction() as session:
        session.execute(update(table).values(**columns))


def test_a_token_stands_for_one_person_and_only_their_clinics(signed_in, now):
    found = accounts.signed_in(signed_in, now=now)
    assert (found.staff.name, found.clinic.name) == ("Alice", "Elm Clinic")
    assert [clinic.name for clinic in found.clinics] == ["Elm Clinic"]
    assert accounts.signed_in("guessed", now=now) is None


def test_a_token_is_good_to_the_last_moment_of_its_hours_and_no_longer(signed_in, now):
    ends_at = now.add(hours=SESSION_HOURS)
    assert accounts.signed_in(signed_in, now=ends_at.subtract(microseconds=1))
    assert accounts.signed_in(signed_in, now=ends_at) is None


@pytest.mark.parametrize("ended", ["signed out", "switched off"])
def test_a_token_is_worth_nothing_after_its_end_or_once_its_account_is_off(signed_in, now, ended):
    change(StaffSession, ended_at=now) if ended == "signed out" else change(Staff, active=False)
    assert accounts.signed_in(signed_in, now=now) is None


def test_a_clinic_one_no_longer_works_at_is_not_opened(signed_in, oak, now):
    change(StaffClinic, clinic_id=oak.id)
    assert accounts.signed_in(signed_in, now=now).clinic.name == "Oak Clinic"


def test_an_account_is_found_by_its_own_address(signed_in):
    assert accounts.by_email("bob@elm.example").name == "Bob"
    assert accounts.by_email("nobody@elm.example") is None
