"""New zone rules keep the wall time that was promised, move the instant, and hand each text over once more."""

from datetime import datetime

import pendulum
from sqlalchemy import func, select, update

from reminder_site.actions import zone_rules
from reminder_site.actions.links import LIVES_ON_HOURS
from reminder_site.db import db, transaction
from reminder_site.domain import zones
from reminder_site.domain.actor import WORKER
from reminder_site.models import Appointment, Message
from reminder_site.queries.links import find
from tests import factories
from tests.actions.test_delivery import held
from tests.texting import fresh, link_to

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


def placed_an_hour_early():
    """One appointment that old rules had placed an hour too early, and the token of its link."""
    (appointment,) = booked_by_old_rules(1)
    with transaction() as session:
        session.execute(update(Appointment).values(starts_at=RIGHT.subtract(hours=1)))
    return appointment, link_to(appointment, RIGHT.subtract(days=1)).rpartition("/")[2]


def test_one_that_seemed_to_be_over_by_the_old_rules_is_placed_anew_as_well(app):
    appointment, _token = placed_an_hour_early()
    assert zone_rules.follow(by=WORKER, now=RIGHT.subtract(minutes=30)) == zone_rules.Followed(1, 1)
    assert fresh(appointment).starts_at == RIGHT


def test_the_patients_link_lives_as_long_as_the_new_instant_asks(app):
    appointment, token = placed_an_hour_early()
    last_moment = RIGHT.add(minutes=appointment.duration_minutes, hours=LIVES_ON_HOURS).subtract(seconds=1)
    assert find(token, now=last_moment) is None
    zone_rules.follow(by=WORKER, now=RIGHT.subtract(minutes=30))
    db.session.rollback()
    assert find(token, now=last_moment) is not None


def test_many_appointments_are_handed_over_once_each(app, now, worker, sandbox, clock):
    booked_by_old_rules(60)
    worker.settle()
    assert db.session.scalar(select(func.count()).where(Appointment.starts_at == RIGHT)) == 60
    clock.forward(days=15)
    worker.settle()
    live = [m["to"] for m in held(sandbox) if m["status"] != "canceled"]
    wanted = db.session.scalar(select(func.count()).select_from(Message).where(Message.wanted))
    assert len(live) == wanted == 60 * 3
