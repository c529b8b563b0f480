"""Random runs of desk, patient and time around answers: seventy events, each judged by what the phone was told."""

import random
from collections import Counter
from datetime import datetime, timedelta
from itertools import count

import pendulum
from sqlalchemy import select

from reminder_site.actions import answers, appointments, link_answers, patients
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.refusals import Refused
from reminder_site.domain.times import moment
from reminder_site.domain.wording import day_of, time_of
from reminder_site.models import Appointment, Clinic, Patient
from reminder_site.queries import links
from reminder_site.sandbox.store import Message as SandboxText
from tests import factories
from tests.campaigns.chains_stage import NOBODY_CALLS_BACK, Stage, open_site
from tests.campaigns.tellings_judge import Phone, Stands, must_act, why_not
from tests.patients_page import a_page
from tests.texting import PHONE, link_to

EVENTS, BEGINS = 70, pendulum.datetime(2026, 11, 2, 14, 0, 7, tz="UTC")
MINUTES = (5, 20, 35, 50)
OTHER_PHONE, SITES_NUMBER = "+12125550199", "+15005550006"
BARE = {"1": "confirmed", "2": "change_wanted", "3": "cannot_come", "yes": "confirmed"}
SAID = (*BARE, *BARE, "3", "A1", "B3", "A2 B1", "both 1", "Ann 1", "Leo 3", "no?", "<3", "no thanks", "ok see you")
WEIGHTS = {"book": 8, "move": 10, "undo_move": 3, "cancel": 5, "undo_cancel": 5, "write": 24, "open": 7, "press": 9,
           "wait": 18, "place": 2, "number": 1, "by_hand": 2, "carrier": 2, "settle": 4}  # fmt: skip
sids = count(10**9)


def run(folder, *, seed=1, runs=300, store="sqlite"):
    """Play so many runs, one seed after the other; `wrong` must be nothing. Prints what was wrong and the way there."""
    wrong, tally = [], Counter()
    with open_site(folder, store) as (site, sandbox):
        for number in range(seed, seed + runs):
            one = Run(site, sandbox, number)
            if one.play():
                wrong.append(f"seed {number}: {one.wrong[0]}")
                print("\n".join([f"seed {number}", *one.log, *one.wrong]), flush=True)  # noqa: T201
            tally.update(one.tally, runs=1, events=EVENTS)
    return {"seed": seed, "store": store, **tally, "wrong": wrong}


class Run:
    """One run at a stage; `wrong` are sentences about what should not have happened."""

    def __init__(self, site, sandbox, seed):
        self.random = random.Random(seed)
        self.stage = Stage(site, sandbox, begins=BEGINS, receipts_arrive=self.random.random() < 0.7, seed=seed)
        self.phone, self.log, self.wrong, self.tally = Phone(), [], [], Counter()
        self.visits, self.pages, self.heard = {}, [], 0

    def play(self):
        """Play all events; returns what was wrong."""
        try:
            with self.stage.app.app_context():
                clinic = db.session.get(Clinic, self.stage.clinic_id)
                made = [factories.a_patient(clinic, name, phone_e164=PHONE) for name in ("Ann", "Leo")]
                self.zone, self.patients = clinic.time_zone, [(one.id, one.public_id) for one in made]
            for _ in range(EVENTS):
                name = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                self._do(name)
            return self.wrong
        finally:
            self.stage.close()

    def _do(self, name):
        with self.stage.app.app_context():
            try:
                came_of_it = getattr(self, f"_{name}")()
            except Refused as refused:
                came_of_it = type(refused).__name__
            db.session.remove()
        self.log.append(f"{self.stage.now():%a %d %H:%M:%S} {name}: {came_of_it}")
        self._listen()

    def _listen(self):
        lost = {text.sid for text in self._texts() if text.status in {"undelivered", "failed"}}
        for sid, text in self.stage.story.heard[self.heard :]:
            if text.phone == PHONE and sid not in lost:
                self.phone.hear(text.at, text.words)
                self.log.append(f"    {text.at:%a %d %H:%M:%S} heard: {text.words}")
        self.heard = len(self.stage.story.heard)

    def _texts(self):
        return self.stage.exchange.store.messages("WHERE direction = 'outbound-api' ORDER BY id")

    # the desk

    def _time(self, minute):
        day = BEGINS.date() + timedelta(days=self.random.randint(1, 8))
        return moment(datetime(day.year, day.month, day.day, self.random.randint(9, 16), minute), self.zone)

    def _book(self):
        free = [minute for minute in MINUTES if minute not in self.visits]
        if not free:
            return "all are there"
        who = self.patients[MINUTES.index(free[0]) % 2]
        public_id = appointments.book(patient=who[1], time=self._time(free[0]), **self._by())
        self.visits[free[0]] = db.session.scalar(select(Appointment.id).where(Appointment.public_id == public_id))
        return self._stands()[free[0]]

    def _move(self):
        minute, visit = self._one()
        told = self.random.random() < 0.5
        about = {"appointment_id": visit.public_id, "version": visit.version}
        appointments.move(time=self._time(minute), tell=appointments.Tell(told), **about, **self._by())
        return f"{minute} told={told} now {self._stands()[minute].when}"

    def _cancel(self):
        minute, visit = self._one()
        tell = appointments.Tell(self.random.random() < 0.5)
        appointments.cancel(appointment_id=visit.public_id, reason="ill", tell=tell, **self._by())
        return f"{minute} told={tell.patient}"

    def _undo_move(self):
        return self._undone(appointments.undo_move)

    def _undo_cancel(self):
        return self._undone(appointments.undo_cancel)

    def _undone(self, undo):
        minute, visit = self._one()
        return minute, undo(appointment_id=visit.public_id, **self._by())

    def _place(self):
        with transaction() as session:
            clinic = session.get_one(Clinic, self.stage.clinic_id)
            clinic.place = clinic.address = "9 Oak Rd" if clinic.place == "12 High St" else "12 High St"
            return clinic.place

    def _number(self):
        with transaction() as session:
            leo = session.get_one(Patient, self.patients[1][0])
            leo.phone_e164 = PHONE if leo.phone_e164 == OTHER_PHONE else OTHER_PHONE
            return leo.phone_e164

    def _by_hand(self):
        return patients.send_text(patient_id=self.patients[0][1], body="Please phone us about the form.", **self._by())

    def _carrier(self):
        lost = self.random.random() < 0.5
        self.stage.exchange.faults.put(
            NOBODY_CALLS_BACK | ({"carrier": {PHONE: {"status": "undelivered"}}} if lost else {})
        )
        return "loses texts" if lost else "is well"

    # time

    def _wait(self):
        self.stage.wait(self.random.choice([40, 90, 200, 600, 1300, 3600, 20_000, 60_000]))

    def _settle(self):
        self.stage.settle()

    # the patient

    def _write(self):
        self.stage.settle()
        self._listen()
        said, now = self.random.choice(SAID), self.stage.now()
        written_at = now - timedelta(seconds=self.random.choice([0, 0, 0, 0, 0, 120, 1000, 2400]))
        before, sid = self._stands(), f"SM{next(sids):032x}"
        at = written_at.timestamp()
        self.stage.exchange.store.add(
            SandboxText(sid, None, PHONE, SITES_NUMBER, said, "received", "inbound", 1, 0, None, None, False, at, at)
        )
        about = {"sid": sid, "from_e164": PHONE, "to": SITES_NUMBER, "sms": self.stage.sms}
        reply = answers.receive(body=said, media_count=0, now=now, **about)
        after = self._stands()
        self._judge_text(said, before, after, now, written_at)
        if reply:
            self.phone.hear(now, reply)
        return f"{said!r} written {written_at:%H:%M:%S} -> {reply}"

    def _judge_text(self, said, before, after, now, written_at):
        changed = [minute for minute in before if self._differ(before[minute], after[minute])]
        # Who was told nothing different is answered at once, whatever was written when.
        by = written_at if self.phone.told_apart() else now
        waiting = [minute for minute in before if self.phone.waits(minute, by)]
        for minute in changed:
            self.tally["acted"] += 1
            self.phone.answered[minute] = now
            if why := why_not(self.phone, minute, before[minute], by):
                self.wrong.append(f"{said!r} changed {minute} ({before[minute]} -> {after[minute]}): {why}")
            if said in BARE and set(waiting) - {minute}:
                self.wrong.append(f"{said!r} changed {minute}, but could be about {waiting}")
        self._judge_silence(said, before, after, by)

    def _judge_silence(self, said, before, after, by):
        lost = any(text.status in {"undelivered", "failed"} for text in self._texts())  # the site cannot be sure then
        minute = must_act(self.phone, before, by) if said in {"1", "2", "3"} and not lost else None
        if minute is None or before[minute].state == "cancelled":
            return
        self.tally["had to act"] += 1
        if after[minute].answer != BARE[said]:
            self.wrong.append(f"{said!r} should have counted for {minute}: {after[minute]}")

    def _open(self):
        minute, visit = self._one()
        linked = links.find(link_to(visit, self.stage.now()).rpartition("/")[2], now=self.stage.now())
        if linked:
            self.pages.append((minute, linked, self._stands()[minute]))
        return minute

    def _press(self):
        if not self.pages:
            return "no page is open"
        minute, linked, shown = self.random.choice(self.pages[-3:])
        kind, now = self.random.choice(["confirm", "change", "cannot_come", "undo"]), self.stage.now()
        before = self._stands()
        outcome = link_answers.press(link_id=linked.link_id, page=a_page(linked), kind=kind, now=now)
        after = self._stands()
        self.phone.answered[minute] = now
        for other in before:
            if self._differ(before[other], after[other]):
                self.tally["pressed"] += 1
                showed_it = (shown.when, shown.place) == (before[other].when, before[other].place)
                if other != minute or not showed_it:
                    self.wrong.append(f"{kind} on a page of {shown} changed {other}: {before[other]}")
        return f"{kind} on {minute}: {outcome.became}"

    # how it stands

    def _by(self):
        return {"clinic_id": self.stage.clinic_id, "by": OPERATOR, "now": self.stage.now()}

    def _one(self):
        if not self.visits:
            raise Refused("nothing is booked")
        minute = self.random.choice(list(self.visits))
        return minute, db.session.get(Appointment, self.visits[minute], populate_existing=True)

    def _stands(self):
        db.session.rollback()
        return {minute: self._stand(db.session.get(Appointment, key)) for minute, key in self.visits.items()}

    def _stand(self, visit):
        place = db.session.get(Clinic, self.stage.clinic_id).place
        phone = db.session.get(Patient, visit.patient_id).phone_e164
        when = f"{day_of(visit.starts_local.date(), self.stage.now().date())} {time_of(visit.starts_local)}"
        ahead = visit.starts_at > self.stage.now()
        return Stands(when, place, visit.state, visit.answer, visit.cancelled_by, phone == PHONE, ahead)

    @staticmethod
    def _differ(one, other):
        return (one.state, one.answer) != (other.state, other.answer)
