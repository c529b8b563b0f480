"""The day list: who comes, what they answered, where each reminder is, and one click for what happened."""

from datetime import datetime

import pytest
from sqlalchemy import event

from reminder_site.db import db
from reminder_site.models import Appointment
from tests import factories
from tests.web.desk import page, send


@pytest.fixture
def desk(client, clinic):
    """Alice, signed in at the clinic."""
    factories.sign_in(client, clinic)
    return client


def today(clinic, name="Carol", hour=14, **columns):
    patient = factories.a_patient(clinic, name)
    return factories.an_appointment(clinic, patient, datetime(2026, 11, 2, hour, 30), **columns)


def test_home_is_today_at_the_clinic(desk, clinic):
    today(clinic)
    html = page(desk, "/")
    assert "Monday 2 November 2026" in html
    assert "Carol Reed" in html
    assert "2:30 <small>pm</small>" in html


def test_a_row_says_the_answer_and_every_texts_state_in_words(desk, clinic, worker, clock):
    patient = factories.a_patient(clinic)
    factories.an_appointment(clinic, patient, datetime(2026, 11, 20, 14, 30), answer="confirmed")
    clock.forward(minutes=3)
    worker.settle()
    html = page(desk, "/day/2026-11-20")
    assert "confirmed" in html
    assert "Confirmation: sending" in html
    assert "3 days: Tue 17 Nov" in html
    assert "Scheduled at Twilio: Tue 17 Nov, 10:00 am" in html


def test_the_day_is_the_clinics_not_londons_or_the_servers(desk, clinic):
    factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 11, 2, 23, 30))
    factories.an_appointment(clinic, factories.a_patient(clinic, "Dora"), datetime(2026, 11, 3, 0, 10))
    assert "Carol" in page(desk, "/day/2026-11-02")
    assert "Dora" not in page(desk, "/day/2026-11-02")
    assert "Dora" in page(desk, "/day/2026-11-03")


def test_the_day_the_clocks_go_back_has_twenty_five_hours(desk, clinic):
    for hour in (0, 23):
        factories.an_appointment(clinic, factories.a_patient(clinic, f"At{hour}"), datetime(2027, 11, 7, hour, 30))
    html = page(desk, "/day/2027-11-07")
    assert "At0" in html and "At23" in html


def test_another_clinics_patients_are_not_listed(desk, clinic):
    today(factories.a_clinic("Oak Clinic"), "Stranger")
    assert "Stranger" not in page(desk, "/")


def test_an_empty_day_says_what_to_do(desk):
    html = page(desk, "/day/2026-11-04")
    assert "No appointments on Wednesday 4 November 2026" in html
    assert "/appointments/new?day=2026-11-04" in html


def test_an_empty_day_or_week_leads_to_the_next_day_with_appointments(desk, clinic):
    carol = factories.a_patient(clinic)
    for day, hour, state in ((20, 9, "cancelled"), (23, 0, "booked"), (23, 23, "booked"), (24, 9, "booked")):
        factories.an_appointment(clinic, carol, datetime(2026, 11, day, hour, 30), state=state)
    for address in ("/day/2026-11-21", "/", "/week/2026-11-04"):
        html = page(desk, address)
        assert 'href="/day/2026-11-23">Next: Monday 23 Nov, 2 appointments</a>' in html
    assert "Next:" not in page(desk, "/day/2026-11-25")


@pytest.mark.parametrize("on", ["2026-02-30", "tomorrow", "0001-01-01", "9999-12-31", "2026-11-04T00:00"])
def test_a_day_that_does_not_exist_is_not_found(desk, on):
    page(desk, f"/day/{on}", status=404)


def test_the_date_box_leads_to_its_day(desk, clinic):
    assert "Wednesday 4 November 2026" in page(desk, "/day?on=2026-11-04")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Ann", "Bea", "Cleo", "Dora"]),
        ("?show=confirmed", ["Ann"]),
        ("?show=needs", ["Bea"]),
        ("?show=cancelled", ["Cleo"]),
        ("?show=unconfirmed", ["Dora"]),
        ("?show=nonsense", ["Ann", "Bea", "Cleo", "Dora"]),
    ],
)
def test_filters_keep_what_they_say(desk, four, query, names):
    assert listed(page(desk, f"/{query}")) == names


@pytest.mark.parametrize(
    ("typed", "names"), [("dor", ["Dora"]), ("rud dor", ["Dora"]), ("555-0199", []), ("re", ["Ann", "Bea", "Cleo"])]
)
@pytest.mark.parametrize("address", ["/day/2026-11-02", "/week/2026-11-02"])
def test_a_search_keeps_whom_it_names_and_is_posted(desk, four, address, typed, names):
    answer = send(desk, address, {"typed": typed})
    html = answer.get_data(as_text=True)
    assert (answer.status_code, listed(html)) == (200, names)
    assert f'value="{typed}"' in html and "data-refresh-seconds" not in html.split('id="main"')[1]
    assert listed(page(desk, f"{address}?typed={typed}&q={typed}")) == ["Ann", "Bea", "Cleo", "Dora"]


def listed(html):
    return [name for name in ("Ann", "Bea", "Cleo", "Dora") if f">{name} R" in html]


@pytest.fixture
def four(clinic):
    """Four appointments today, each standing differently."""
    today(clinic, "Ann", answer="confirmed")
    today(clinic, "Bea", answer="change_wanted")
    today(clinic, "Cleo", state="cancelled")
    factories.an_appointment(clinic, factories.a_patient(clinic, "Dora", "Rudd"), datetime(2026, 11, 2, 15))


def test_the_week_lists_each_day_that_has_appointments(desk, clinic):
    today(clinic, "Ann")
    factories.an_appointment(clinic, factories.a_patient(clinic, "Bea"), datetime(2026, 11, 6, 9))
    factories.an_appointment(clinic, factories.a_patient(clinic, "Cleo"), datetime(2026, 11, 9, 9))
    html = page(desk, "/week/2026-11-04")
    assert "Monday 2 November 2026" in html and "Friday 6 November 2026" in html
    assert "Cleo" not in html and "Tuesday 3 November" not in html


def test_arrived_and_not_come_are_one_click_and_can_be_taken_back(desk, clinic):
    appointment = today(clinic)
    url = f"/appointments/{appointment.public_id}/outcome"
    for outcome, words in (("arrived", "arrived"), ("", "no answer yet"), ("no_show", "did not come")):
        answer = send(desk, url, {"outcome": outcome, "then": "list"}, opened="/")
        assert (answer.status_code, answer.location) == (303, "/day/2026-11-02")
        assert words in page(desk, "/")


def test_nobody_arrives_before_the_day(desk, clinic):
    appointment = factories.an_appointment(clinic, factories.a_patient(clinic))
    assert "Arrived" not in page(desk, "/day/2026-11-20")
    send(desk, f"/appointments/{appointment.public_id}/outcome", {"outcome": "arrived"}, opened="/day/2026-11-20")
    assert "from the day of the appointment on" in page(desk, "/")
    db.session.rollback()
    assert db.session.get(Appointment, appointment.id, populate_existing=True).outcome == ""


def test_a_long_day_costs_as_many_queries_as_a_short_one(desk, clinic):
    def queries():
        seen = []
        event.listen(db.engine, "before_cursor_execute", count := lambda *args: seen.append(args[2]))
        page(desk, "/")
        event.remove(db.engine, "before_cursor_execute", count)
        return len(seen)

    today(clinic)
    few = queries()
    for hour in range(8, 16):
        today(clinic, f"Patient{hour}", hour)
    assert queries() == few


def test_an_auditor_reads_and_changes_nothing(client, clinic):
    factories.sign_in(client, clinic, role="auditor")
    appointment = today(clinic)
    html = page(client, "/")
    assert "Carol" in html
    answer = send(client, f"/appointments/{appointment.public_id}/outcome", {"outcome": "arrived"}, opened="/")
    assert answer.status_code == 403
