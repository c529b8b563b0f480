"""Rows with defaults, straight in the database. People: Alice (reception), Bob (another clinic), Carol (patient)."""

from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import count

import flask
import pendulum
import pyotp

from reminder_site.actions import locks
from reminder_site.actions.accounts import open_session
from reminder_site.actions.passwords import hash_password
from reminder_site.actions.plans import replan
from reminder_site.actions.sealing import seal
from reminder_site.db import transaction
from reminder_site.domain import zones
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.names import search_name
from reminder_site.domain.planning import DEFAULT_RULES
from reminder_site.domain.times import moment
from reminder_site.models import (
    Appointment,
    Clinic,
    Patient,
    RecoveryCode,
    ReminderRule,
    SecondFactor,
    Staff,
    StaffClinic,
)
from reminder_site.queries.plans import ground
from reminder_site.web import sessions

MONDAY = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
PASSWORD = "sixteen letters or more"
APP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY = ("ABCDE23456", "VWXYZ98765")
numbers = count(2_125_550_200)  # behind 555-0100 to -0199, which tests type by hand
kept_hash = cache(hash_password)  # as the site hashes it, once a password: it is meant to be slow
_shared = []


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
    staff = Staff(name=name, role=role, password_hash=kept_hash(password), created_at=now, **columns)
    _keep(staff)
    _keep(StaffClinic(staff_id=staff.id, clinic_id=clinic.id))
    return staff


def a_second_factor(staff, *, now=MONDAY):
    """Give somebody an authenticator app and two recovery codes; returns what shows the app's code at a moment."""
    app = pyotp.TOTP(APP_SECRET)
    sealed = seal("second factor", APP_SECRET, now=now)
    _keep(SecondFactor(staff_id=staff.id, sealed_secret=sealed, last_step=0, made_at=now))
    _keep(*(RecoveryCode(staff_id=staff.id, code_hash=kept_hash(code)) for code in RECOVERY))
    return lambda moment: app.at(int(moment.timestamp()))


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
        **{"consent_how": "spoken", "consent_at": now} | columns,
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
    with _writing() as (session, grounds):
        session.add(appointment)
        session.flush()
        locks.made(session, appointment)
        if planned:
            base = grounds.get(clinic.id) or grounds.setdefault(clinic.id, ground(session, clinic.id))
            replan(session, appointment, by=OPERATOR, now=now, base=base)
    return appointment


@contextmanager
def at_once():
    """Have all that is made meanwhile share one transaction, and one reading of what a clinic plans by."""
    with transaction() as session:
        _shared.append((session, {}))
        try:
            yield
        finally:
            _shared.pop()


def sign_in(client, clinic, role="reception", name="Alice"):
    """Put somebody at a browser as the sign-in page does once the password fits; returns who it is."""
    staff, app = a_staff(clinic, name, role), client.application
    with transaction() as session:
        token = open_session(session, staff.id, None, app.extensions["clock"].machine_now())
    with app.test_request_context():
        sessions.begin(token)
        begun = dict(flask.session)
    with client.session_transaction() as cookie:
        cookie.clear()
        cookie.update(begun)
    return staff


def sign_in_by_form(client, clinic, role="reception", name="Alice"):
    """Sign somebody in through the page itself; returns who it is."""
    staff = a_staff(clinic, name, role)
    page = client.get("/sign-in").get_data(as_text=True)
    token = page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    form = {"csrf_token": token, "email": staff.email, "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code in {302, 303}
    return staff


@contextmanager
def _writing():
    if _shared:
        yield _shared[-1]
        return
    with transaction() as session:
        yield session, {}


def _keep(*rows):
    with _writing() as (session, _grounds):
        session.add_all(rows)
        session.flush()


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
