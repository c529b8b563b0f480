"""The calendar file of the patient's page: it names who asks, rings, replaces what it said before, and takes it out."""

from datetime import datetime, timedelta

import pytest
from icalendar import Calendar

from reminder_site.actions import appointments
from reminder_site.actions.appointments import Tell
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.times import moment
from tests.factories import a_patient, an_appointment
from tests.patients_page import press
from tests.texting import link_to


@pytest.fixture
def visit(clinic):
    return an_appointment(clinic, a_patient(clinic))


@pytest.fixture
def path(visit, now):
    return link_to(visit, now)


@pytest.fixture
def entry(client, path):
    """Fetches the file the page links to, as a calendar would."""

    def fetch():
        assert f'href="{path}/appointment.ics"' in client.get(path).text
        answer = client.get(f"{path}/appointment.ics")
        whole = Calendar.from_ical(answer.data)
        assert answer.headers["Content-Type"] == f"text/calendar; method={whole['METHOD']}; charset=utf-8"
        return whole.walk("VEVENT")[0]

    return fetch


def test_the_calendar_entry_names_the_clinic_links_the_page_and_rings(entry, path):
    found = entry()
    assert found["DTSTART"].dt.isoformat() == "2026-11-20T19:30:00+00:00"
    assert (found["ORGANIZER"], found["ORGANIZER"].params["CN"]) == ("mailto:no-reply@localhost", "Elm Clinic")
    assert found["URL"] == f"http://localhost{path}"
    assert "(212) 555-0100" in found["DESCRIPTION"] and found["URL"] in found["DESCRIPTION"]
    alarm = found.walk("VALARM")[0]
    assert (alarm["ACTION"], alarm["TRIGGER"].dt) == ("DISPLAY", timedelta(hours=-2))


def test_a_cancelled_entry_can_be_fetched_and_takes_the_first_one_out(entry, client, path):
    first = entry()
    press(client, path, "cannot_come")
    assert "Take it out of your calendar" in client.get(path).text
    second = entry()
    assert first["UID"] == second["UID"]
    assert (second["SEQUENCE"], second["STATUS"]) == (first["SEQUENCE"] + 1, "CANCELLED")
    assert second["ORGANIZER"] == first["ORGANIZER"] and not second.walk("VALARM")


def test_after_a_move_the_page_asks_to_add_it_again(entry, client, path, clinic, visit, now):
    first, later = entry(), moment(datetime(2026, 11, 25, 9, 0), clinic.time_zone)
    assert "Add to your calendar again" not in client.get(path).text
    where = {"clinic_id": clinic.id, "appointment_id": visit.public_id}
    appointments.move(**where, time=later, tell=Tell(True), version=visit.version, by=OPERATOR, now=now)
    assert "Add to your calendar again" in client.get(path).text
    second = entry()
    assert second["SEQUENCE"] > first["SEQUENCE"] and second["DTSTART"].dt == later.at
