"""Many people at the same rows at once: edits that meet, forms sent over and over, writers that never rest."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from flask import current_app
from sqlalchemy import func, select

from reminder_site.actions import appointments
from reminder_site.db import db
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import AppointmentChanged
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Clinic, FormNonce, Staff
from tests import factories
from tests.campaigns import desk, roles
from tests.campaigns.world import World, zygotes

CLERKS = 2
QUIET = {"workers": 0, "web": False}


def edits(folder, *, seed=1, pairs=200, store="sqlite"):
    """Let two processes move each appointment at once; exactly one may win. Returns counts; `wrong` must be 0."""
    with World(folder, seed=seed, store=store, **QUIET) as trial:
        there = trial.ask(make_appointments, count=pairs)
        answers = side_by_side(trial, [(move_all, {"there": there, "minutes": 15 * n}) for n in (1, 2)])
        rows = trial.ask(versions)
    winners = [sum(one[public_id] == "moved" for one in answers) for public_id in there]
    warned = sum(said == "changed meanwhile" for one in answers for said in one.values())
    wrong = sum(w != 1 for w in winners) + sum(version != there[public_id] + 1 for public_id, version in rows.items())
    return {"seed": seed, "store": store, "pairs": pairs, "warned": warned, "wrong": wrong}


def submits(folder, *, seed=1, forms=100, at_once=50, store="sqlite"):
    """Send each booking form so many times at once; one appointment may come of it. `wrong` must be 0."""
    with World(folder, seed=seed, store=store, **QUIET) as trial:
        trial.ask(desk.employ_alice)
        patient = trial.ask(make_patient)
        jobs = [(book_all, {"patient": patient, "forms": forms, "at_once": at_once // CLERKS}) for _ in range(CLERKS)]
        answers = side_by_side(trial, jobs)
        appointments_made, nonces = trial.ask(counts)
    made = [{public_id for one in answers for public_id in one[form]} for form in range(forms)]
    wrong = sum(len(ids) != 1 for ids in made) + abs(appointments_made - forms) + abs(nonces - forms)
    return {"seed": seed, "store": store, "forms": forms, "at_once": at_once, "wrong": wrong}


def writers(folder, *, seed=1, count=8, seconds=60, store="sqlite"):
    """Let so many processes write without rest; nobody may hear that the database is locked."""
    with World(folder, seed=seed, store=store, **QUIET) as trial:
        shared = {"clinic_id": trial.clinic_id, "seconds": seconds}
        jobs = [(write_on, {"first": number * 1_000_000, **shared}) for number in range(count)]
        told = side_by_side(trial, jobs)
        took = sorted(one for each in told for one in each["took"])
        return {
            "seed": seed, "store": store, "writers": count, "seconds": seconds, "writes": len(took),
            "errors": [error for each in told for error in each["errors"]],
            "p99_seconds": round(took[int(len(took) * 0.99)], 3), "integrity": trial.ask(desk.integrity),
        }  # fmt: skip


def side_by_side(trial, jobs):
    """Do each job in a process of its own, all starting together; return their results in order."""
    with several_desks(trial, len(jobs)) as at_once:
        return at_once(jobs)


@contextmanager
def several_desks(trial, count):
    """Open so many desks; what is given does one job at each, all starting together, and returns what came of them."""
    pipes, processes = [], []
    for _ in range(count):
        pipe, theirs = zygotes.Pipe()
        pipes.append(pipe)
        processes.append(trial.fork(roles.play_desk, trial.place, theirs))

    def at_once(jobs):
        for pipe, job in zip(pipes, jobs, strict=True):
            pipe.send(job)
        answers = [pipe.recv() for pipe in pipes]
        assert all(well for well, _ in answers), answers
        return [result for _, result in answers]

    try:
        at_once([(desk.now, {})] * count)
        yield at_once
    finally:
        for process in processes:
            trial.end(process)


def make_patient():
    """Enter one patient."""
    return factories.a_patient(_clinic(), now=desk.now()).public_id


def make_appointments(count):
    """Book so many appointments; return their public ids and versions."""
    clinic = _clinic()
    patient = factories.a_patient(clinic, now=desk.now())
    starts = _starts_in(days=30)
    made = [factories.an_appointment(clinic, patient, starts, now=desk.now(), planned=False) for _ in range(count)]
    return {one.public_id: one.version for one in made}


def move_all(there, minutes):
    """Move every appointment, as somebody who has them all open does; say how each went."""
    clinic_id, zone = _clinic().id, _clinic().time_zone
    placed = moment(_starts_in(days=30) + timedelta(minutes=minutes), zone, choice="first")
    return {public_id: _move(clinic_id, public_id, version, placed) for public_id, version in there.items()}


def _move(clinic_id, public_id, version, placed):
    try:
        appointments.move(
            clinic_id=clinic_id, appointment_id=public_id, time=placed, tell=appointments.Tell(False, "a trial"),
            version=version, by=desk.ALICE, now=desk.now(),
        )  # fmt: skip
    except AppointmentChanged:
        return "changed meanwhile"
    return "moved"


def book_all(patient, forms, at_once):
    """Send each form many times at once; return what every sending of each got."""
    clinic = _clinic()
    clinic_id, placed = clinic.id, moment(_starts_in(days=10), clinic.time_zone, choice="first")
    app = current_app._get_current_object()
    by = Actor("staff", "Alice", db.session.scalar(select(func.min(Staff.id))))
    db.session.remove()
    together = threading.Barrier(at_once)

    def send(form):
        with app.app_context():
            together.wait()
            return appointments.book(
                clinic_id=clinic_id, patient=patient, time=placed, nonce=f"form-{form}", by=by, now=desk.now()
            )

    with ThreadPoolExecutor(at_once) as senders:
        return [list(senders.map(send, [form] * at_once)) for form in range(forms)]


def write_on(clinic_id, first, seconds):
    """Put texts in and take them back, one transaction each, until the time is over; say how long each took."""
    took, errors, number, ends = [], [], first, time.monotonic() + seconds
    while time.monotonic() < ends:
        began = time.monotonic()
        try:
            ids = desk.seed(clinic_id, number, 1, first, {"scheduled": 1})
            took.append(time.monotonic() - began)
            desk.take_back(ids)
        except Exception as error:  # noqa: BLE001 - what is looked for
            errors.append(str(error)[:120])
        db.session.remove()
        number += 2
    return {"took": took, "errors": errors}


def versions():
    """Return the version of every appointment."""
    return dict(map(tuple, db.session.execute(select(Appointment.public_id, Appointment.version)).all()))


def counts():
    """Return how many appointments there are and how many forms were taken."""
    tables = (Appointment, FormNonce)
    return [db.session.scalar(select(func.count()).select_from(table)) for table in tables]


def _clinic():
    return db.session.scalars(select(Clinic)).one()


def _starts_in(days):
    return desk.now().add(days=days).naive().replace(hour=10, minute=0, second=0, microsecond=0)
