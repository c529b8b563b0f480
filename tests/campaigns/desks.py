"""Eight desks and two workers at the same forty appointments of one clinic, on PostgreSQL; then all is counted.

Each desk is a thread with its own application context and goes through the actions its pages call. The sandbox is in
this process and its clock runs fast, so that undo, send times and second looks all happen meanwhile.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import time as wall_time
from datetime import timedelta

import pendulum
from sqlalchemy import select

from reminder_site.actions import (
    answers,
    appointments,
    attendance,
    clinics,
    link_answers,
    patients,
    reminders,
    replanning,
    rules,
    templates,
)
from reminder_site.actions.settings_guard import SettingsChanged
from reminder_site.db import db
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import Refused
from reminder_site.domain.times import moment
from reminder_site.models import Appointment, Audit, Clinic, Message, Patient, Reminder
from reminder_site.queries import delivery, links
from reminder_site.queries import reminders as planned
from reminder_site.queries import settings as shown
from reminder_site.worker import Worker
from tests import factories
from tests.campaigns.chains_stage import NOBODY_CALLS_BACK, kept_errors, open_site
from tests.patients_page import a_page

SPEED = 30  # sandbox seconds in one of ours
COUNT, DESKS, WORKERS = 40, 8, 2
BETWEEN_LOOKS_SECONDS = 0.02
LEAST_STEP_SECONDS = 60
BY_DESIGN = ("could not be checked together", "could not be recorded together")  # several give way to one, and go alone
LIVE = frozenset({"pending", "leased", "submitting", "unknown", "scheduled", "cancelling"})
TROUBLES = [
    {"kind": kind, "on": "create", "probability": 0.03} for kind in ("rate_limit_429", "reset_after", "error_after")
]
ZONE = "America/New_York"
# What an action leaves in the audit; those that may find nothing to change leave an entry only when they change it.
ENTRIES = {
    "book": "appointment.booked", "move": "appointment.moved", "undo_move": "appointment.move_undone",
    "cancel": "appointment.cancelled", "undo_cancel": "appointment.restored", "take_back": "reminder.cancelled",
    "send_now": "reminder.sent_now", "consent": "patient.consent", "number": "patient.edited",
    "texting": "texting.changed", "place": "clinic.changed", "wording": "template.changed", "rule": "rule.switched",
}  # fmt: skip
WEIGHTS = {
    "book": 2, "move": 14, "undo_move": 6, "cancel": 12, "undo_cancel": 12, "desk_answer": 8, "text": 8, "link": 8,
    "take_back": 5, "send_now": 5, "consent": 4, "number": 4, "opt": 4, "texting": 1, "place": 1, "wording": 1,
    "rule": 1,
}  # fmt: skip


class RunningClock:
    """The sandbox's clock as the site's, exact at every moment; also the stopwatch of the workers."""

    def __init__(self, exchange):
        self._clock = exchange.clock

    def now(self):
        """Return the present instant."""
        return pendulum.from_timestamp(self._clock.now())

    def machine_now(self):
        """Return the present instant: nobody signs in here."""
        return self.now()

    def monotonic(self):
        """Return seconds that only grow."""
        return self._clock.now()


class Desk:
    """One receptionist; draws what to do, and keeps what was done, what failed and how long the longest took."""

    def __init__(self, app, seed, clinic_id, start):
        self.app, self.draw, self.clinic_id, self.start = app, random.Random(seed), clinic_id, start
        self.by = Actor("staff", f"Alice {seed}")
        self.done, self.failed, self.refused = Counter(), Counter(), Counter()
        self.errors, self.longest_seconds = [], 0.0

    def work(self, ends):
        """Do one thing after the other until the time is over."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while time.monotonic() < ends:
            name, began = self.draw.choices(names, weights)[0], time.monotonic()
            with self.app.app_context():
                self._do(name)
                db.session.remove()
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)

    def _do(self, name):
        try:
            if getattr(self, f"_{name}")() is not False:
                self.done[name] += 1
        except (Refused, SettingsChanged) as refused:
            self.refused[type(refused).__name__] += 1
        except Exception as error:  # noqa: BLE001 - what is looked for
            self.failed[name] += 1
            self.errors.append(f"{name}: {type(error).__name__}: {str(error)[:160]}")

    def _now(self):
        return self.app.extensions["clock"].now()

    def _by(self):
        return {"by": self.by, "now": self._now()}

    def _some(self):
        """Read one of the appointments as its page does, and let go of it."""
        found = self.draw.choice(db.session.scalars(select(Appointment).order_by(Appointment.id)).all())
        patient = db.session.get(Patient, found.patient_id)
        db.session.rollback()
        return found, patient

    def _it(self, appointment):
        return {"clinic_id": self.clinic_id, "appointment_id": appointment.public_id}

    def _time(self):
        local = self.start + timedelta(days=self.draw.randint(0, 6), hours=self.draw.randint(0, 7))
        return moment(local, ZONE, choice="first")

    def _tell(self):
        return appointments.Tell(self.draw.random() < 0.8)

    def _book(self):
        _, patient = self._some()
        appointments.book(clinic_id=self.clinic_id, patient=patient.public_id, time=self._time(), **self._by())

    def _move(self):
        found, _ = self._some()
        appointments.move(**self._it(found), time=self._time(), tell=self._tell(), version=found.version, **self._by())

    def _undo_move(self):
        appointments.undo_move(**self._it(self._some()[0]), **self._by())

    def _cancel(self):
        appointments.cancel(**self._it(self._some()[0]), reason="ill", tell=self._tell(), **self._by())

    def _undo_cancel(self):
        appointments.undo_cancel(**self._it(self._some()[0]), **self._by())

    def _desk_answer(self):
        answer = self.draw.choice(["none", "confirmed", "change_wanted"])
        attendance.record_answer(**self._it(self._some()[0]), answer=answer, **self._by())

    def _text(self):
        self._receive(self.draw.choice("123"))

    def _opt(self):
        self._receive(self.draw.choice(["STOP", "START", "START"]))

    def _receive(self, body):
        phone, sid = self._some()[1].phone_e164, f"SM{self.draw.getrandbits(128):032x}"
        about = {"sid": sid, "from_e164": phone, "to": "+15005550006", "body": body, "media_count": 0}
        answers.receive(**about, written_at=self._now(), now=self._now())

    def _link(self):
        url = links.url_of(key=self._some()[0].id, now=self._now())
        linked = links.find(url.rpartition("/")[2], now=self._now()) if url else None
        db.session.rollback()
        if linked is None:
            return False
        kind = self.draw.choice(["confirm", "change", "cannot_come"])
        link_answers.press(link_id=linked.link_id, page=a_page(linked), kind=kind, now=self._now())
        return None

    def _take_back(self):
        return self._with_a_reminder(reminders.cancel_reminder)

    def _send_now(self):
        return self._with_a_reminder(reminders.send_reminder_now)

    def _with_a_reminder(self, action):
        listed = planned.of_appointment(clinic_id=self.clinic_id, key=self._some()[0].id)
        found = [one for one in listed if one.current and one.state in {"pending", "scheduled"}]
        db.session.rollback()
        if not found:
            return False
        action(clinic_id=self.clinic_id, reminder_id=self.draw.choice(found).id, **self._by())
        return None

    def _consent(self):
        how = self.draw.choice(["", "spoken", "spoken"])
        patients.record_consent(clinic_id=self.clinic_id, patient_id=self._some()[1].public_id, how=how, **self._by())

    def _number(self):
        _, patient = self._some()
        details = patients.Details(patient.first_name, patient.last_name, f"+1212555{self.draw.randint(2000, 2999)}")
        patients.edit(
            clinic_id=self.clinic_id,
            patient_id=patient.public_id,
            version=patient.version,
            details=details,
            **self._by(),
        )

    def _clinic(self):
        clinic = db.session.get(Clinic, self.clinic_id)
        db.session.rollback()
        return clinic

    def _texting(self):
        clinic = self._clinic()
        facts = {name: getattr(clinic, name) for name in clinics.TextingFacts.__dataclass_fields__}
        facts |= {"texting_on": self.draw.random() < 0.8, "quiet_opens": wall_time(self.draw.randint(8, 11))}
        clinics.change_texting(
            clinic_id=clinic.id, facts=clinics.TextingFacts(**facts), version=clinic.version, **self._by()
        )
        self._plans_follow()

    def _place(self):
        clinic = self._clinic()
        facts = {name: getattr(clinic, name) for name in clinics.ClinicFacts.__dataclass_fields__}
        facts |= {"place": f"{self.draw.randint(1, 99)} Low Rd"}
        clinics.change_clinic(
            clinic_id=clinic.id, facts=clinics.ClinicFacts(**facts), version=clinic.version, **self._by()
        )
        self._plans_follow()

    def _wording(self):
        row = shown.templates(self.clinic_id)["confirmation"]
        body = row.body.removesuffix(" Bring your card") + self.draw.choice(["", " Bring your card"])
        db.session.rollback()
        templates.change_template(
            clinic_id=self.clinic_id, kind="confirmation", body=body, version=row.version, **self._by()
        )
        self._plans_follow()

    def _rule(self):
        row = self.draw.choice(shown.rules(self.clinic_id)[1:])
        db.session.rollback()
        rules.switch_rule(clinic_id=self.clinic_id, rule=row.public_id, on=self.draw.random() < 0.7, **self._by())
        self._plans_follow()

    def _plans_follow(self):
        replanning.follow(clinic_id=self.clinic_id, **self._by())


def run(folder, *, seed=1, seconds=600, store="postgresql"):
    """Let eight desks and two workers meet for so long; `errors`, `lost` and `cancelled_but_live` must be nothing."""
    with open_site(folder, store) as (site, sandbox):
        return meet(site, sandbox, seed=seed, seconds=seconds)


def meet(site, sandbox, *, seed, seconds, quiet_minutes=30):
    """Do so on a site that is open, and let it come to rest afterwards."""
    site.empty()
    exchange = sandbox.exchange
    exchange.reset()
    exchange.faults.put({"seed": seed, "rules": TROUBLES, **NOBODY_CALLS_BACK})
    exchange.clock.set(factories.MONDAY.timestamp(), speed=SPEED)
    site.app.extensions["clock"] = clock = RunningClock(exchange)
    with site.app.app_context():
        clinic_id = _furnish(clock.now())
        db.session.remove()
    desks = [Desk(site.app, seed * 1000 + n, clinic_id, factories.MONDAY.naive().replace(hour=9)) for n in range(DESKS)]
    workers = [Worker(site.app, monotonic=clock.monotonic) for _ in range(WORKERS)]
    with kept_errors() as logged:
        _side_by_side(desks, workers, time.monotonic() + seconds)
        exchange.faults.put(dict(NOBODY_CALLS_BACK))
        exchange.clock.set(speed=0)
        _until_quiet(site.app, exchange, workers[0], quiet_minutes)
    done, failed, refused = (sum((getattr(d, n) for d in desks), Counter()) for n in ("done", "failed", "refused"))
    stumbled = [line for line in logged if not any(words in line for words in BY_DESIGN)]
    errors = [error for desk in desks for error in desk.errors]
    errors += stumbled
    with site.app.app_context():
        lost, live = _lost(done, failed), _live_wrongly(exchange)
        db.session.remove()
    return {
        "seed": seed, "store": site.store, "desks": DESKS, "actions": sum(done.values()), "done": dict(done),
        "refused_to_desks": dict(refused), "gave_way": len(logged) - len(stumbled),
        "longest_action_seconds": round(max(d.longest_seconds for d in desks), 2),
        "errors": errors, "lost": lost, "cancelled_but_live": live,
    }  # fmt: skip


def _furnish(now):
    clinic = factories.a_clinic(now=now, daily_cap=1_000_000)
    with factories.at_once():
        for number in range(COUNT):
            patient = factories.a_patient(clinic, f"Ann{number}", phone_e164=f"+1212555{1000 + number}", now=now)
            starts = factories.MONDAY.naive().replace(hour=9) + timedelta(days=1 + number % 5, hours=number % 7)
            factories.an_appointment(clinic, patient, starts, now=now)
    return clinic.id


def _side_by_side(desks, workers, ends):
    over = threading.Event()

    def look_on(worker):
        while not over.is_set():
            worker.settle()
            time.sleep(BETWEEN_LOOKS_SECONDS)

    with ThreadPoolExecutor(len(desks) + len(workers)) as pool:
        looking = [pool.submit(look_on, worker) for worker in workers]
        working = [pool.submit(desk.work, ends) for desk in desks]
        try:
            for one in working:
                one.result()
        finally:
            over.set()
        for one in looking:
            one.result()


def _until_quiet(app, exchange, worker, minutes):
    """Let time pass for one worker, from one due look to the next."""
    ends = exchange.clock.now() + minutes * 60
    while (now := exchange.clock.now()) < ends:
        exchange.dispatcher.run_due()
        worker.settle()
        with app.app_context():
            due = delivery.next_action_at()
            db.session.remove()
        exchange.clock.set(min(ends, max(due.timestamp() if due else ends, now + LEAST_STEP_SECONDS)), speed=0)
    exchange.dispatcher.run_due()
    worker.settle()


def _lost(done, failed):
    """Name what is in the audit less often than it was done, or more often, and each appointment not as entries say."""
    entries = db.session.execute(select(Audit.what, Audit.subject, Audit.facts).order_by(Audit.id)).all()
    counted = Counter(entry.what for entry in entries)
    lost = [
        f"{name}: {done[name]} returned well, {counted[what]} are in the audit"
        for name, what in ENTRIES.items()
        if not done[name] <= counted[what] <= done[name] + failed[name]
    ]
    of = defaultdict(list)
    for entry in entries:
        of[entry.subject].append((entry.what, entry.facts))
    for appointment in db.session.scalars(select(Appointment)):
        lost += _not_as_told(appointment, of[appointment.public_id])
    return lost


def _not_as_told(appointment, entries):
    """Replay the entries of one appointment in the order in which they were committed."""
    state, time_told = "booked", None
    for what, facts in entries:
        off = what in {"appointment.cancelled", "answer.cancel"}
        on = what in {"appointment.restored", "answer.restore"} or (what == "answer.take_back" and state == "cancelled")
        if off and state == "cancelled" or what == "appointment.restored" and state == "booked":
            yield f"appointment {appointment.id}: {what} when it was {state}"
        if what in {"appointment.moved", "appointment.move_undone"} and state == "cancelled":
            yield f"appointment {appointment.id}: {what} although it was cancelled"
        state = "cancelled" if off else "booked" if on else state
        if what == "appointment.moved":
            time_told = facts["to"]
        elif what in {"appointment.move_undone", "appointment.cancelled", "appointment.restored"}:
            time_told = None  # these may bring back an earlier time
    if appointment.state != state:
        yield f"appointment {appointment.id} is {appointment.state}, its entries say {state}"
    if time_told and appointment.starts_local.isoformat() != time_told:
        yield f"appointment {appointment.id} is at {appointment.starts_local}, its last move said {time_told}"


def _live_wrongly(exchange):
    """Name each text that is still to leave and should not, and where Twilio and the ledger differ."""
    rows = db.session.execute(
        select(Message, Reminder, Appointment)
        .join(Reminder, Reminder.id == Message.reminder_id)
        .join(Appointment, Appointment.id == Message.appointment_id)
        .where(Message.state.in_(LIVE))
    ).all()
    now = pendulum.from_timestamp(exchange.clock.now())
    wrong = [
        f"{message.state}{'' if message.wanted else ', not wanted'}: {reminder.step_key} of round {reminder.round},"
        f" the appointment {appointment.state} in round {appointment.round}"
        for message, reminder, appointment in rows
        if not message.wanted
        or reminder.round != appointment.round
        or (appointment.state == "cancelled") != reminder.step_key.startswith("cancelled")
    ]
    ours = {m.sid for m, _, _ in rows if m.state == "scheduled" and m.wanted and m.send_at > now}
    held = {text.sid for text in exchange.store.messages("WHERE status = 'scheduled'")}
    return wrong + [f"{'only Twilio' if sid in held else 'only the ledger'} holds {sid}" for sid in ours ^ held]
