"""Patients answer while webhooks are lost and the database takes nothing: all of it counts, once and in order."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from reminder_site.db import db, transaction
from reminder_site.models import Appointment, Clinic, Heartbeat, InboundMessage, Message, OptOut, Patient
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID, SENDER_NUMBER
from tests import factories
from tests.campaigns import desk
from tests.campaigns.desk import beat
from tests.campaigns.world import World
from tests.refusing import TEXTS, allow, refuse

# What a patient texts, one after the other; then the answer and the state it comes to, and whether texts have ended.
STORIES = (
    (("1",), "confirmed", "booked", False),
    (("3",), "cannot_come", "cancelled", False),
    (("1", "3"), "cannot_come", "cancelled", False),
    (("3", "1"), "confirmed", "booked", False),
    (("2", "1"), "confirmed", "booked", False),
    (("1", "STOP"), "confirmed", "booked", True),
    (("STOP", "START"), "none", "booked", False),
)
AT_ONCE, DAYS_AHEAD, STEP_SECONDS, WITHIN_SECONDS = 8, 10, 20, 120
ONE_IN = 10  # texts while the database takes nothing, twice
OPEN_WITHIN_SECONDS = 30


def run(folder, *, seed=1, texts=10_000, lost=0.3, store="sqlite", **world):
    """Have patients send about so many texts; `wrong` and `missed` must be nothing two minutes after all is well.

    Two minutes by the site's clock, and by the wall's.
    """
    patients = max(len(STORIES), texts * len(STORIES) // sum(len(said) for said, *_ in STORIES))
    with World(folder, seed=seed, store=store, workers=1, **world) as trial:
        trial.faults(callbacks={"lost": 1.0, "inbound_lost": lost})
        trial.tell("PUT", "/_sandbox/clock", {"speed": 0})
        trial.ask(beat)
        trial.ask(invite, clinic_id=trial.clinic_id, patients=patients)
        _until_open(trial.place.web_port)
        turns = max(len(said) for said, *_ in STORIES)
        for turn in range(turns):
            trial.ask(refuse, what=TEXTS)
            _say(trial, patients, turn, in_vain=True)
            trial.ask(allow)
            _say(trial, patients, turn, in_vain=False)
            trial.jump(trial.ask(desk.now).add(seconds=STEP_SECONDS))
        trial.faults(callbacks={"lost": 1.0})
        trial.jump(trial.ask(desk.now).add(seconds=WITHIN_SECONDS))
        began = time.monotonic()
        while (found := trial.ask(outcome, patients=patients))["missed"] and time.monotonic() - began < WITHIN_SECONDS:
            trial.nap(0.4, 0.6)
        found["until_all_counted_seconds"] = round(time.monotonic() - began, 1)
        sent = len(trial.tell("GET", "/_sandbox/messages?direction=inbound")["messages"])
        return {"seed": seed, "store": store, "texts": sent, **found, "integrity": trial.ask(desk.integrity)}


def _until_open(port):
    """Wait until the web process listens."""
    ends = time.monotonic() + OPEN_WITHIN_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


def _say(trial, patients, turn, in_vain):
    """Have patients say what comes next in their stories: one in ten while nothing is taken in, then the others."""
    now = [n for n in range(patients) if (n % ONE_IN == 0) == in_vain]
    some = [n for n in now if turn < len(STORIES[n % len(STORIES)][0])]
    with ThreadPoolExecutor(AT_ONCE) as phones:
        list(phones.map(lambda n: _text(trial, n, STORIES[n % len(STORIES)][0][turn]), some))


def _text(trial, number, body):
    trial.tell("POST", "/_sandbox/inbound", {"from": _phone(number), "to": SENDER_NUMBER, "body": body})


def _phone(number):
    return f"+1{desk.NUMBERS_FROM + number}"


def invite(clinic_id, patients):
    """Book an appointment for each patient, and let her have been told of it (at a desk)."""
    now, clinic = desk.now(), db.session.get(Clinic, clinic_id)
    on = (now + timedelta(days=DAYS_AHEAD)).date()
    starts = datetime(on.year, on.month, on.day, 10, 0)
    with factories.at_once():
        for n in range(patients):
            ann = factories.a_patient(clinic, "Ann", last_name=f"No {n}", phone_e164=_phone(n))
            factories.an_appointment(clinic, ann, starts, now=now, planned=False)
    told_at = now.subtract(hours=1)
    with transaction() as session:
        people = select(Appointment, Patient.phone_e164).join(Patient, Patient.id == Appointment.patient_id)
        session.add_all(
            Message(clinic_id=clinic_id, patient_id=visit.patient_id, appointment_id=visit.id, kind="reminder",
                    dedupe_key=f"told:{visit.id}", to_e164=phone, sender=MESSAGING_SERVICE_SID, body="We expect you",
                    told={"starts": starts.isoformat()}, state="delivered", send_at=told_at, reaches_at=told_at,
                    useful_until=now, created_at=told_at)
            for visit, phone in session.execute(people).all()
        )  # fmt: skip
        session.execute(update(Heartbeat).values(inbound_from=told_at))


def outcome(patients):
    """Say what of the stories did not come true, and which texts are not here (at a desk)."""
    db.session.rollback()
    rows = db.session.execute(
        select(Patient.phone_e164, Appointment.answer, Appointment.state).join(
            Appointment, Appointment.patient_id == Patient.id
        )
    )
    stands = {phone: (answer, state) for phone, answer, state in rows}
    out = set(db.session.scalars(select(OptOut.e164).where(OptOut.ended_at.is_(None))))
    kept = db.session.scalar(select(func.count()).select_from(InboundMessage))
    found_late = db.session.scalar(
        select(func.count()).select_from(InboundMessage).where(InboundMessage.found_at.is_not(None))
    )
    wrong, expected = [], 0
    for n in range(patients):
        said, answer, state, is_out = STORIES[n % len(STORIES)]
        expected += len(said)
        if stands[_phone(n)] != (answer, state) or (_phone(n) in out) != is_out:
            wrong.append(f"{said}: {stands[_phone(n)]}, opted out: {_phone(n) in out}")
    db.session.rollback()
    return {"missed": expected - kept, "wrong": wrong[:5], "found_late": found_late}
