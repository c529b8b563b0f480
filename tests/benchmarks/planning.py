"""What a plan costs: the rules alone, and the whole of booking and of planning anew."""

from datetime import timedelta

from sqlalchemy import select

from reminder_site.actions import appointments
from reminder_site.actions.plans import replan
from reminder_site.db import db, transaction
from reminder_site.domain.planning import Facts
from reminder_site.domain.times import first_valid
from reminder_site.models import Appointment
from reminder_site.queries.plans import ground
from tests.benchmarks import filling
from tests.benchmarks.measure import Row, Spread, plain, timed
from tests.campaigns.desk import ALICE, now

PATIENTS = 20


def run(site, scale):
    """Measure CPU at the desk, where nothing else runs in the same process."""
    site.fill(PATIENTS, PATIENTS)
    measured = (
        ("the plan of one appointment, the rules alone", plans), ("booking: the whole action", bookings),
        ("planning an appointment anew, nothing changed", replans),
    )  # fmt: skip
    rows = []
    for what, function in measured:
        taken = site.ask(function, times=scale.runs)
        cpu_ms = Spread(cpu for _wall, cpu in taken).mean
        rows.append(Row(what, f"in one process; CPU {plain(cpu_ms)} ms each", str(Spread(wall for wall, _ in taken))))
    return rows


def plans(times):
    """Derive a plan so often (at a desk)."""
    base, at = ground(db.session(), filling.clinic_id()), now()
    placed = _weekday(20)
    facts = Facts(
        starts_at=placed.at, starts_local=placed.local, zone=filling.ZONE, ends_at=placed.at.add(minutes=30),
        timed_at=at, wanted=True, confirmed=False, texts_on=True, texts_off_why=None, notice=None, announced=True,
        held={}, done={},
    )  # fmt: skip
    taken = timed(lambda _number: base.steps(facts, now=at), times)
    db.session.rollback()
    return taken


def bookings(times):
    """Book so many appointments, as Alice (at a desk)."""
    clinic_id = filling.clinic_id()

    def book(number):
        appointments.book(
            clinic_id=clinic_id, patient=str(1 + number % PATIENTS), time=_weekday(20 + number), clinician_id="",
            type_id="", by=ALICE, now=now(),
        )  # fmt: skip

    return timed(book, times)


def replans(times):
    """Plan the booked appointments anew, each in a transaction of its own (at a desk)."""
    ids = db.session.scalars(select(Appointment.id).order_by(Appointment.id.desc()).limit(times)).all()

    def plan_anew(number):
        with transaction() as session:
            replan(session, session.get_one(Appointment, ids[number % len(ids)]), by=ALICE, now=now())

    return timed(plan_anew, times)


def _weekday(days):
    """Place 2:30 pm on the weekday that lies so many days ahead, or the Monday after."""
    on = now().in_timezone(filling.ZONE).naive().replace(hour=14, minute=30, second=0, microsecond=0)
    on += timedelta(days=days)
    on += timedelta(days=max(0, 7 - on.weekday()) if on.weekday() > 4 else 0)
    return first_valid(on, filling.ZONE)[0]
