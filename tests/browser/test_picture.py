"""The picture of the day list in the README: a real morning, made by booking, waiting and answering."""

import os
import shutil
from datetime import datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from reminder_site.actions import answers
from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Clinic, Clinician
from reminder_site.worker import Worker
from tests import factories
from tests.browser.conftest import PICTURES, ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MORNING = (
    ("Ann", "Baker", "8:30", "1"),
    ("Omar", "Farouk", "9:00", "1"),
    ("Carol", "Reed", "9:30", None),
    ("Zoë", "Novak", "10:00", "2"),
    ("Wei", "Chen", "10:30", "1"),
    ("Tom", "Okafor", "11:15", None),
    ("Ruth", "Klein", "13:00", "3"),
    ("Priya", "Nair", "14:30", "1"),
)


def booked(clinic, clinician):
    """Book the morning of Thursday 5 November."""
    for first, last, time, _answer in MORNING:
        hour, minute = map(int, time.split(":"))
        starts = datetime(2026, 11, 5, hour, minute)
        factories.an_appointment(clinic, factories.a_patient(clinic, first, last), starts, clinician_id=clinician.id)


def answered(now, sender):
    """Let those who answer do so."""
    patients = {p.first_name: p for p in db.session.scalars(select(factories.Patient))}
    for serial, (first, _last, _time, said) in enumerate(MORNING):
        if said:
            number = patients[first].phone_e164
            answers.receive(sid=f"SM{serial:032x}", from_e164=number, to="", body=said, media_count=0,
                            service=sender, now=now)  # fmt: skip


def test_the_day_list_of_a_real_morning(served, page):
    clinic, clock = factories.a_clinic(), served.clock
    with transaction() as session:
        session.get(Clinic, clinic.id).sender = sender = "MG" + "5a" * 16
        session.add(doctor := Clinician(clinic_id=clinic.id, name="Dr Lee"))
    booked(clinic, doctor)
    worker = Worker(served.app, monotonic=clock.monotonic)
    for hours in (1, 20, 30):
        worker.settle()
        clock.forward(hours=hours)
    answered(clock.now(), sender)
    worker.settle()
    served.sign_in(page, clinic)
    page.set_viewport_size({"width": 1280, "height": 760})
    page.goto(f"{served.url}/day/2026-11-05")
    expect(page.get_by_role("row")).to_have_count(len(MORNING) + 1)
    assert db.session.scalar(select(Appointment.answer).where(Appointment.state == "cancelled")) == "cannot_come"
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "day-list.png")
    if os.environ.get("UPDATE_PICTURES"):
        shutil.copy(PICTURES / "day-list.png", ROOT / "docs" / "day-list.png")
