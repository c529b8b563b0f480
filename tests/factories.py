"""Rows with defaults, straight in the database. People: Alice (reception), Bob (another clinic), Carol (patient)."""

from datetime import datetime
from itertools import count

import pendulum

from reminder_site.actions.passwords import hash_password
from reminder_site.actions.plans import replan
from reminder_site.db import db, transaction
from reminder_site.domain import zones
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.names import search_name
from reminder_site.domain.planning import DEFAULT_RULES
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Clinic, Patient, ReminderRule, Staff, StaffClinic

MONDAY = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
PASSWORD = "sixteen letters or more"
numbers = count(2_125_550_100)


def a_clinic(name="Elm Clinic", *, rules=DEFAULT_RULES, now=MONDAY, **columns):
    """A clinic in New York, open on weekdays, with its rules."""
    columns = {
        "text_name": name[:30],
        "place": "12 High St",
        "phone": "(212) 555-0100",
        "country": "US",
        "time_zone": "America/New_York",
        "hours": {day: ["08:00", "18:00"] for day in WEEKDAYS},
    } | columns
    clinic = Clinic(name=name, created_at=now, **columns)
    _keep(clinic)
    _keep(*(_rule(clinic, rule, position) for position, rule in enumerate(rules)))
    return clinic


def a_staff(clinic, name="Alice", role="reception", *, now=MONDAY, password=PASSWORD, **columns):
    """Somebody who can sign in."""
    columns = {"email": f"{name.lower()}@elm.example"} | columns
    staff = Staff(name=name, role=role, password_hash=hash_password(password), created_at=now, **columns)
    _keep(staff)
    _keep(StaffClinic(staff_id=staff.id, clinic_id=clinic.id))
    return staff


def a_patient(clinic, first_name="Carol", last_name="Reed", *, phone_e164=None, now=MONDAY, **columns):
    """A patient with a number of her own."""
    phone_e164 = f"+1{next(numbers)}" if phone_e164 is None else phone_e164
    patient = Patient(
        clinic_id=clinic.id,
        first_name=first_name,
        last_name=last_name,
        search_name=search_name(first_name, last_name),
        phone_e164=phone_e164,
        created_at=now,
        **columns,
    )
    _keep(patient)
    return patient


def an_appointment(clinic, patient, starts=datetime(2026, 11, 20, 14, 30), *, now=MONDAY, planned=True, **columns):
    """An appointment, planned as the site would have."""
    placed = moment(starts, clinic.time_zone, choice="first")
    appointment = Appointment(
        clinic_id=clinic.id,
        patient_id=patient.id,
        starts_local=placed.local,
        time_zone=clinic.time_zone,
        fold=placed.fold,
        starts_at=placed.at,
        tzdb_version=zones.version(),
        booked_at=now,
        timed_at=now,
        **columns,
    )
    _keep(appointment)
    if planned:
        with transaction() as session:
            replan(session, session.get_one(Appointment, appointment.id), by=OPERATOR, now=now)
    return db.session.get(Appointment, appointment.id)


def sign_in(client, clinic, role="reception", name="Alice"):
    """Sign somebody in through the page itself; returns who it is."""
    staff = a_staff(clinic, name, role)
    page = client.get("/sign-in").get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    form = {"csrf_token": token, "email": staff.email, "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code in {302, 303}
    return staff


def _keep(*rows):
    with transaction() as session:
        session.add_all(rows)


def _rule(clinic, rule, position):
    return ReminderRule(
        clinic_id=clinic.id,
        key=rule.key,
        position=position,
        name=rule.name,
        kind=rule.kind,
        days=rule.days,
        at=rule.at,
        hours=rule.hours,
        asks=rule.asks,
        min_lead_minutes=rule.min_lead_minutes,
        enabled=rule.enabled,
    )
