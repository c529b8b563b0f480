"""Stores of any size, made at a desk: patients, each with an appointment, a reminder and a message that waits."""

from datetime import timedelta

from sqlalchemy import insert, select, text

from reminder_site.db import db, transaction
from reminder_site.domain import zones
from reminder_site.domain.names import search_name
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Clinic, Heartbeat, Message, Patient, Reminder
from tests import factories
from tests.campaigns.desk import now

BUSY = "Busy Clinic"
ZONE = "America/New_York"
GIVEN = ("Ana", "Ben", "Carol", "Dara", "Emil", "Fatima", "Grace", "Hugo", "Ines", "Jonas")
SYLLABLES = (
    "ba",
    "cor",
    "del",
    "fan",
    "gri",
    "hol",
    "jen",
    "kov",
    "lum",
    "mar",
    "nor",
    "pet",
    "ros",
    "san",
    "tor",
    "vel",
)
FIRST_NUMBER = 2_000_000_000
KEYS = ("id", "patient_id", "appointment_id", "reminder_id")
SHIFTED = {"sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {}, '+{} days')", "postgresql": "{} + interval '{} days'"}


def begin(rows, a_day):
    """Open the busy clinic with Alice in it and fill its days, so many appointments on each, around today."""
    clinic = factories.a_clinic(BUSY, now=now(), daily_cap=10_000_000)
    factories.a_staff(clinic, now=now())
    numbers = range(1, rows + 1)
    first_day = now().in_timezone(ZONE).naive().replace(hour=8, minute=0, second=0, microsecond=0)
    first_day -= timedelta(days=rows // a_day // 2)
    starts = [first_day + timedelta(days=n // a_day, minutes=n % a_day * 6) for n in range(rows)]
    shared = {"clinic_id": clinic.id, "created_at": now()}
    with transaction() as session:
        session.execute(insert(Patient), [_patient(n) | shared for n in numbers])
        session.execute(insert(Appointment), [_appointment(n, starts[n - 1], clinic.id) for n in numbers])
        session.execute(insert(Reminder), [_reminder(n) | shared for n in numbers])
        session.execute(insert(Message), [_message(n) | shared for n in numbers])
    _finish()


def grow(base, rows, a_day):
    """Copy the first rows, their days shifted, until there are that many of each kind."""
    days = -(-base // a_day)
    for number in range(1, rows // base):
        with transaction() as session:
            if db.engine.dialect.name == "postgresql":
                session.execute(text("SET LOCAL statement_timeout = 0"))
                session.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
            for model in (Patient, Appointment, Reminder, Message):
                session.execute(text(_copy(model.__table__, base, number, days * number)))
    _finish()


def today():
    """Return today's date at the busy clinic."""
    return now().in_timezone(ZONE).date()


def clinic_id():
    """Return the busy clinic's key."""
    found = db.session.scalar(select(Clinic.id).where(Clinic.name == BUSY))
    db.session.rollback()
    return found


def beaten_since(moment):
    """Say whether a worker has looked since a moment."""
    beat_at = db.session.scalar(select(Heartbeat.beat_at))
    db.session.rollback()
    return beat_at is not None and beat_at >= moment


def _patient(number):
    family = "".join(SYLLABLES[number * step // 7 % len(SYLLABLES)] for step in (1, 5, 11)).capitalize()
    given = GIVEN[number % len(GIVEN)]
    return {
        "id": number, "public_id": str(number), "first_name": given, "last_name": family,
        "search_name": search_name(given, family), "phone_e164": f"+1{FIRST_NUMBER + number}", "consent_how": "spoken",
    }  # fmt: skip


def _appointment(number, starts, clinic):
    placed = moment(starts, ZONE, choice="first")
    return {
        "id": number, "public_id": str(number), "clinic_id": clinic, "patient_id": number, "starts_local": placed.local,
        "time_zone": ZONE, "fold": placed.fold, "starts_at": placed.at, "tzdb_version": zones.version(),
        "booked_at": now(), "timed_at": now(),
    }  # fmt: skip


def _reminder(number):
    return {
        "id": number, "public_id": str(number), "appointment_id": number, "step_key": "d1", "name": "1 day before",
        "why": "1 day before, at 10:00", "time_zone": ZONE, "tzdb_version": zones.version(),
        "send_at": _later(number), "useful_until": _later(number + 600),
    }  # fmt: skip


def _message(number):
    return {
        "id": number, "public_id": str(number), "patient_id": number, "appointment_id": number, "reminder_id": number,
        "kind": "reminder", "channel": "sms", "dedupe_key": str(number), "to_e164": f"+1{FIRST_NUMBER + number}",
        "sender": "MG" + "5a" * 16, "body": "Your appointment is Fri 20 Nov 2:30pm. Reply C to confirm. {{link}}",
        "send_at": _later(number), "useful_until": _later(number + 600), "next_action_at": _later(number),
    }  # fmt: skip


def _later(minutes):
    """Name a moment that comes long after the benchmark."""
    return now().add(days=40, minutes=minutes)


def _copy(table, base, number, days):
    shift = SHIFTED[db.engine.dialect.name]
    own = f"id + {base * number}"
    made = {
        **{name: f"{name} + {base * number}" for name in KEYS},
        **dict.fromkeys(("public_id", "dedupe_key"), f"CAST({own} AS VARCHAR)"),
        **dict.fromkeys(("phone_e164", "to_e164"), f"'+1' || CAST({FIRST_NUMBER} + {own} AS VARCHAR)"),
        **{name: shift.format(name, days) for name in ("starts_at", "starts_local")},
    }
    names = [column.name for column in table.columns]
    into, values = ", ".join(f'"{name}"' for name in names), ", ".join(made.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO {table.name} ({into}) SELECT {values} FROM {table.name} WHERE id <= {base}"


def _finish():
    """Leave the tables as they are after long use: counted (PostgreSQL does it by itself) and numbered."""
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.exec_driver_sql("SET statement_timeout = 0")
        for model in (Patient, Appointment, Reminder, Message):
            name = model.__tablename__
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
            )
            connection.exec_driver_sql(f"VACUUM ANALYZE {name}")
