"""The settings pages show what belongs to the clinic of whoever looks."""

from collections import Counter
from datetime import date, datetime

import pytest
from sqlalchemy import update

from reminder_site.actions import consent_wordings
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import (
    AppointmentType,
    Clinician,
    ClosedDay,
    ConsentWording,
    Message,
    StaffClinic,
    Template,
)
from reminder_site.queries import appointments, settings
from tests import factories


def test_an_account_is_shown_with_none_of_the_clinics_one_does_not_work_at(clinic, oak):
    dana = factories.a_staff(clinic, "Dana", "administrator")
    sam = factories.a_staff(clinic, "Sam")
    with transaction() as session:
        session.add(StaffClinic(staff_id=sam.id, clinic_id=oak.id))
    shown = settings.staff_member(dana.id, sam.public_id)
    assert (shown.clinics, shown.elsewhere) == ((clinic.public_id,), True)


@pytest.fixture
def with_all(clinic, oak, now):
    """Both clinics with wording, people and kinds of appointment of their own."""
    for place in (clinic, oak):
        mine = {"clinic_id": place.id}
        factories._keep(
            Template(**mine, kind="moved", body=f"{place.name} {{{{time}}}}", updated_at=now),
            Clinician(**mine, name=f"Dr {place.name}"),
            AppointmentType(**mine, name=f"Visit at {place.name}", duration_minutes=30),
            ClosedDay(**mine, closed_on=date(2026, 12, 1), name=f"{place.name} closed"),
        )
    return clinic


def test_the_settings_pages_show_one_clinics_own_rules_wording_people_and_days(with_all):
    clinic = with_all
    assert len(settings.rules(clinic.id)) == 4
    assert settings.templates(clinic.id)["moved"].body == "Elm Clinic {{time}}"
    assert [person.name for person in settings.clinicians(clinic.id)] == ["Dr Elm Clinic"]
    assert [kind.name for kind in settings.types(clinic.id)] == ["Visit at Elm Clinic"]
    days = settings.closed(clinic, today=date(2026, 11, 2))
    assert [day.name for day in days if day.own] == ["Elm Clinic closed"]
    assert [person.name for person in appointments.clinicians(clinic_id=clinic.id)] == ["Dr Elm Clinic"]
    assert [kind.name for kind in appointments.kinds(clinic_id=clinic.id)] == ["Visit at Elm Clinic"]


def test_what_is_counted_for_a_change_of_settings_is_ahead_and_at_this_clinic(clinic, oak, now):
    for place, starts in ((clinic, 20), (clinic, 2), (oak, 20)):
        factories.an_appointment(place, factories.a_patient(place), datetime(2026, 11, starts, 8, 30), planned=False)
    assert settings.coming(clinic.id, now=now) == 1


def test_people_of_other_clinics_are_not_among_the_accounts(clinic, oak):
    dana = factories.a_staff(clinic, "Dana", "administrator")
    factories.a_staff(oak, "Otto")
    assert [row.name for row in settings.staff_of(dana.id)] == ["Dana"]


def test_the_wording_of_consent_in_use_is_the_newest_of_this_clinic(clinic, oak, now):
    with transaction() as session:
        for place, version in ((clinic, 1), (clinic, 2), (oak, 3)):
            session.add(ConsentWording(clinic_id=place.id, version=version, body="May we text you?", made_at=now))
    assert [consent_wordings.newest_version(db.session(), place.id) for place in (clinic, oak)] == [2, 3]


def test_the_texts_that_left_are_those_heard_since_then_at_this_clinic(clinic, oak, now):
    for place in (clinic, oak):
        factories.an_appointment(place, factories.a_patient(place))
    since, heard = now.subtract(days=30), {"state": "delivered"}
    assert settings.texts_left(clinic.id, since=since) == Counter()
    with transaction() as session:
        session.execute(update(Message).values(handed_at=since, **heard))
    left = settings.texts_left(clinic.id, since=since)
    assert left and settings.texts_left(clinic.id, since=since.add(microseconds=1)) == Counter()
    with transaction() as session:
        session.execute(update(Message).values(state="expired"))
    assert settings.texts_left(clinic.id, since=since) == Counter()


def test_the_same_words_of_consent_are_a_version_of_each_clinics_own(clinic, oak, now):
    def add(place, body):
        return consent_wordings.add_wording(clinic_id=place.id, body=body, by=OPERATOR, now=now)

    assert [add(oak, "May we text you?"), add(oak, "May we?")] == [1, 2]
    assert [add(clinic, "May we?"), add(clinic, "May we text you?"), add(clinic, "May we text you?")] == [1, 2, 2]
    assert add(clinic, "May we?") == 3
