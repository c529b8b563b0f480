"""New zone rules keep the wall time that was promised, move the instant, and hand each text over once more."""

from datetime import datetime

import pendulum
from sqlalchemy import func, select, update

from reminder_site.actions import zone_rules
from reminder_site.db import db, transaction
from reminder_site.domain import zones
from reminder_site.domain.actor import WORKER
from reminder_site.models import Appointment, Message
from tests import factories
from tests.actions.test_delivery import held

RIGHT = pendulum.datetime(2026, 12, 15, 17, 0, tz="UTC")


def booked_by_old_rules(count):
    """Appointments at 10:00 in Vancouver on 15 December 2026, placed as tzdata 2025b had it: an hour too late."""
    clinic = factories.a_clinic(time_zone="America/Vancouver", country="CA")
    clinic.texts_on_sundays = True
    with factories.at_once():
        made = [
            factories.an_appointment(clinic, factories.a_patient(clinic), datetime(2026, 12, 15, 10), planned=False)
            for _ in range(count)
        ]
    with transaction() as session:
        late = {"starts_at": RIGHT.add(hours=1), "tzdb_version": "2025b"}
        session.execute(update(Appointment).values(**late))
    return made


def test_the_wall_time_stays_and_the_instant_moves(app, now):
    booked_by_old_rules(1)
    assert zone_rules.follow(by=WORKER, now=now) == zone_rules.Followed(1, 1)
    appointment = db.session.scalar(select(Appointment))
    assert appointment.starts_at == RIGHT
    assert (appointment.starts_local, appointment.tzdb_version) == (datetime(2026, 12, 15, 10), zones.version())
    assert zone_rules.follow(by=WORKER, now=now) == zone_rules.Followed(0, 0)


def test_many_appointments_are_handed_over_once_each(app, now, worker, sandbox, clock):
    booked_by_old_rules(60)
    worker.settle()
    assert db.session.scalar(select(func.count()).where(Appointment.starts_at == RIGHT)) == 60
    clock.forward(days=15)
    worker.settle()
    live = [m["to"] for m in held(sandbox) if m["status"] != "canceled"]
    wanted = db.session.scalar(select(func.count()).select_from(Message).where(Message.wanted))
    assert len(live) == wanted == 60 * 3
