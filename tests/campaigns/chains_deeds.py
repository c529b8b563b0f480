"""What a desk, a patient, a manager and time do in a chain, each through the action its page calls.

Does what an event of chains_events says, and writes the chain's story along.
"""

from dataclasses import replace
from datetime import time, timedelta

from sqlalchemy import select

from reminder_site.actions import (
    answers,
    appointments,
    attendance,
    clinics,
    link_answers,
    parking,
    patients,
    reminders,
    replanning,
    rules,
    templates,
)
from reminder_site.db import db
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import Refused
from reminder_site.domain.times import moment
from reminder_site.domain.wording import day_of, time_of
from reminder_site.models import Appointment, Clinic, Patient
from reminder_site.queries import links, parked
from reminder_site.queries import reminders as planned
from reminder_site.queries import settings as shown
from tests.campaigns.chains_events import MONDAY, OUTAGE, PHONES
from tests.campaigns.chains_judge import Press, Standing
from tests.campaigns.chains_stage import about_of
from tests.patients_page import a_page
from tests.texting import sids

ALICE = Actor("staff", "Alice")
NAMES = ("Carol", "Dora")


class Deeds:
    """Does what events say, at one stage, and notes how each appointment stands after it."""

    def __init__(self, stage, families, log):
        self.stage, self.families, self.log = stage, families, log
        self.clinic_id = stage.clinic_id
        self.public_ids, self._silent, self._silent_before = {}, {}, {}
        self._out, self._texting = set(), True
        self._enrol()

    def _enrol(self):
        names = NAMES if self.families == "shared phone" else NAMES[:1]
        with self.stage.app.app_context():
            self.patients = [self._patient(name) for name in names]
            db.session.remove()

    def _patient(self, name):
        details = patients.Details(name, "Reed", PHONES[0])
        return patients.add(
            clinic_id=self.clinic_id, details=details, consent_how="spoken", by=ALICE, now=self.stage.now()
        )

    def do(self, event):
        """Do one event now, or have it done during the next call to Twilio."""
        if event.during:
            self.stage.on_the_wire(event.during, lambda: self._do(event))
            self.log.append(f"{self._when()} armed: {event}")
        else:
            with self.stage.app.app_context():
                self._do(event)
                db.session.remove()

    def _do(self, event):
        try:
            came_of_it = getattr(self, event.name)(event.which, *event.values)
            db.session.rollback()
            self.log.append(f"{self._when()} {event}{'' if came_of_it is None else f' -> {came_of_it}'}")
        except Refused as refused:
            self.log.append(f"{self._when()} {event} refused: {type(refused).__name__}")
            return
        except Exception as error:  # noqa: BLE001 - what is looked for
            self.log.append(f"{self._when()} {event} RAISED {type(error).__name__}")
            self.stage.story.errors.append(f"{event.name}: {type(error).__name__}: {error}")
            return
        self._note(event.name)

    def _when(self):
        return f"{self.stage.now():%a %d %H:%M:%S} #{self.stage.turn}"

    # time and trouble

    def wait(self, _, seconds):
        """Let time pass."""
        self.stage.wait(seconds)

    def near(self, _, seconds):
        """Let time pass until shortly before Twilio sends the next text it holds."""
        self.stage.settle()
        at = self.stage.next_held_at()
        ahead = (at - self.stage.now()).total_seconds() - seconds if at else 0
        if ahead > 0:
            self.stage.wait(ahead)
        return None if ahead > 0 else "nothing held"

    def settle(self, _):
        """Let the worker do all that is due."""
        self.stage.settle()

    def fault(self, _, on, kind, count, second):
        """Have Twilio fail so many times."""
        rules = [{"kind": kind, "on": on, "next": count, "seconds": 0.0}]
        if second and second != on:
            times = OUTAGE if second == "list for long" else count
            rules.append({"kind": "error_before", "on": "list", "next": times})
        self.stage.trouble(rules)

    def calm(self, _):
        """Have Twilio work again."""
        self.stage.trouble([])

    # the desk

    def book(self, which, day, hour):
        """Book an appointment, unless it is there."""
        if which in self.public_ids:
            return "there already"
        patient = self.patients[which % len(self.patients)]
        self.public_ids[which] = appointments.book(
            clinic_id=self.clinic_id, patient=patient, time=self._time(which, day, hour), **self._by()
        )
        self._silent[which] = False
        return None

    def move(self, which, day, hour, told):
        """Give an appointment another time."""
        version = self._appointment(which).version
        db.session.rollback()
        appointments.move(
            **self._it(which),
            time=self._time(which, day, hour),
            tell=appointments.Tell(told),
            version=version,
            **self._by(),
        )
        self._silent_before[which], self._silent[which] = self._silent[which], not told

    def undo_move(self, which):
        """Put a moved appointment back."""
        appointments.undo_move(**self._it(which), **self._by())
        self._silent[which] = self._silent_before.get(which, False)

    def cancel(self, which, told):
        """Cancel an appointment; shortly before its time nobody is texted."""
        ahead = self._appointment(which).starts_at - self.stage.now()
        db.session.rollback()
        appointments.cancel(**self._it(which), reason="ill", tell=appointments.Tell(told), **self._by())
        self._silent_before[which] = self._silent[which]
        self._silent[which] = not told or ahead <= timedelta(minutes=4)

    def undo_cancel(self, which):
        """Put a cancelled appointment back."""
        told = appointments.undo_cancel(**self._it(which), **self._by())
        self._silent[which] = not told and self._silent_before.get(which, False)
        return f"told {told}"

    def desk_answer(self, which, answer):
        """Note what the patient said to the desk."""
        attendance.record_answer(**self._it(which), answer=answer, **self._by())

    def take_back(self, which, number):
        """Take one reminder back."""
        found = self._reminder(which, number)
        if found is None:
            return "none"
        reminders.cancel_reminder(clinic_id=self.clinic_id, reminder_id=found.id, **self._by())
        self.stage.story.waived[self._about(which)] = self.stage.turn + 1
        return found.step

    def send_now(self, which, number):
        """Have one reminder sent now."""
        found = self._reminder(which, number)
        if found is None:
            return "none"
        reminders.send_reminder_now(clinic_id=self.clinic_id, reminder_id=found.id, hour="now", **self._by())
        self._pressed(found.body, found.send_at)
        return found.step

    def switch(self, which, on):
        """Switch a patient's reminders on or off."""
        reminders.set_patient_reminders(
            clinic_id=self.clinic_id, patient_id=self._patient_of(which), on=on, **self._by()
        )

    def consent(self, which, how):
        """Note that a patient agrees to texts, or does not any more."""
        patients.record_consent(clinic_id=self.clinic_id, patient_id=self._patient_of(which), how=how, **self._by())

    def number(self, which, number):
        """Give a patient another number."""
        patient = self._patient_row(which)
        db.session.rollback()
        details = patients.Details(patient.first_name, patient.last_name, PHONES[number])
        patients.edit(
            clinic_id=self.clinic_id,
            patient_id=patient.public_id,
            version=patient.version,
            details=details,
            **self._by(),
        )

    def decide(self, _, send, number):
        """Decide about a parked text: send it anyway, or leave it."""
        texts = parked.listed(clinic_id=self.clinic_id, now=self.stage.now())
        db.session.rollback()
        if not texts:
            return "none parked"
        text = texts[number % len(texts)]
        decision = parking.send_anyway if send else parking.leave
        decision(clinic_id=self.clinic_id, message_id=text.id, **self._by())
        if send:
            self._pressed(text.body, None)
        else:
            self.stage.story.waived[about_of(text.body)] = self.stage.turn + 1
        return f"{decision.__name__}: {text.body[:60]}"

    # the patient

    def text(self, which, body):
        """Have the patient text an answer."""
        self._receive(which, body)

    def opt(self, which, word):
        """Have the patient want no more texts, or texts again."""
        phone = self._receive(which, word)
        (self._out.add if word == "STOP" else self._out.discard)(phone)

    def _receive(self, which, body):
        phone = self._patient_row(which).phone_e164
        db.session.rollback()
        answers.receive(
            sid=f"SM{next(sids):032x}",
            from_e164=phone,
            to="+15005550006",
            body=body,
            media_count=0,
            written_at=self.stage.now(),
            now=self.stage.now(),
        )
        return phone

    def link(self, which, answer):
        """Have the patient press a button on the page of the appointment."""
        linked = self._linked(which)
        if linked is None:
            return "no link"
        link_answers.press(link_id=linked.link_id, page=a_page(linked), kind=answer, now=self.stage.now())
        return None

    def undo_link(self, which):
        """Have the patient take the answer back there."""
        linked = self._linked(which)
        if linked is None:
            return "no link"
        link_answers.press(link_id=linked.link_id, page=a_page(linked), kind="undo", now=self.stage.now())
        return None

    # the manager

    def settings(self, _, what, number, at_once):
        """Change a setting; coming appointments are planned anew by the page, or by the worker after it."""
        clinic = db.session.get(Clinic, self.clinic_id, populate_existing=True)
        getattr(self, f"_change_{what}")(clinic, number)
        if at_once:
            replanning.follow(clinic_id=self.clinic_id, **self._by())

    def _change_wording(self, clinic, number):
        kinds = ("confirmation", "reminder_ask", "reminder_short", "moved")
        row = shown.templates(clinic.id)[kinds[number]]
        body = row.body.removesuffix(" Bring your card") + ("" if "card" in row.body else " Bring your card")
        templates.change_template(clinic_id=clinic.id, kind=row.kind, body=body, version=row.version, **self._by())

    def _change_place(self, clinic, number):
        facts = {name: getattr(clinic, name) for name in clinics.ClinicFacts.__dataclass_fields__}
        facts |= {"place": f"{number + 1} Low Rd"}
        clinics.change_clinic(
            clinic_id=clinic.id, facts=clinics.ClinicFacts(**facts), version=clinic.version, **self._by()
        )

    def _change_texting(self, clinic, number):
        self._change_texts(clinic, texting_on=number > 0)
        self._texting = number > 0

    def _change_quiet(self, clinic, number):
        opens, closes = ((9, 19), (8, 20), (10, 16), (12, 21))[number]
        self._change_texts(clinic, quiet_opens=time(opens), quiet_closes=time(closes))

    def _change_cap(self, clinic, number):
        self._change_texts(clinic, daily_cap=(1, 2, 250, 250)[number])

    def _change_texts(self, clinic, **changes):
        facts = {name: getattr(clinic, name) for name in clinics.TextingFacts.__dataclass_fields__}
        facts |= changes
        clinics.change_texting(
            clinic_id=clinic.id, facts=clinics.TextingFacts(**facts), version=clinic.version, **self._by()
        )

    def _change_rule_time(self, clinic, number):
        row = shown.rules(clinic.id)[1 + number % 2]
        wanted = replace(row.rule, at=time((10, 12, 15, 17)[number]))
        rules.change_rule(clinic_id=clinic.id, rule=row.public_id, wanted=wanted, version=clinic.version, **self._by())

    def _change_rule_switch(self, clinic, number):
        row = shown.rules(clinic.id)[number]
        rules.switch_rule(clinic_id=clinic.id, rule=row.public_id, on=not row.rule.enabled, **self._by())

    # what they have in common

    def _by(self):
        return {"by": ALICE, "now": self.stage.now()}

    def _it(self, which):
        return {"clinic_id": self.clinic_id, "appointment_id": self.public_ids.get(which, "none")}

    def _time(self, which, day, hour):
        local = MONDAY + timedelta(days=day, hours=hour, minutes=30 * which)
        return moment(local, "America/New_York", choice="first")

    def _appointment(self, which):
        mine = select(Appointment).where(Appointment.public_id == self.public_ids.get(which, "none"))
        found = db.session.scalars(mine.execution_options(populate_existing=True)).first()
        if found is None:
            raise Refused("There is no such appointment.")
        return found

    def _patient_of(self, which):
        return self.patients[which % len(self.patients)]

    def _patient_row(self, which):
        mine = select(Patient).where(Patient.public_id == self._patient_of(which))
        return db.session.scalars(mine.execution_options(populate_existing=True)).one()

    def _about(self, which):
        return (self._patient_row(which).first_name, f"{30 * which:02}")

    def _reminder(self, which, number):
        """Find one of the reminders that the appointment's page shows as planned."""
        listed = planned.of_appointment(clinic_id=self.clinic_id, key=self._appointment(which).id)
        found = [one for one in listed if one.current and not one.skipped and one.handed_at is None or
                 one.state == "scheduled" and one.current]  # fmt: skip
        db.session.rollback()
        return found[number % len(found)] if found else None

    def _linked(self, which):
        url = links.url_of(key=self._appointment(which).id, now=self.stage.now())
        linked = links.find(url.rpartition("/")[2], now=self.stage.now()) if url else None
        db.session.rollback()
        return linked

    def _pressed(self, words, planned_at):
        turn = self.stage.turn + 1
        self.stage.story.presses.append(Press(turn, self.stage.now(), about_of(words), words, planned_at))

    def _note(self, what):
        """Note how each appointment stands, as its page shows it."""
        turn, now = self.stage.next_turn(), self.stage.now()
        for which in self.public_ids:
            a, p = self._appointment(which), self._patient_row(which)
            about, day, clock = self._about(which), a.starts_local.date(), time_of(a.starts_local)
            self.stage.story.starts_at[about] = a.starts_at
            may_text = p.agreed and p.reminders_on and self._texting and not p.phone_flag
            may_text = may_text and p.phone_e164 not in self._out
            standings = self.stage.story.standings.setdefault(about, [])
            new_number = what == "number" and standings and standings[-1].phone != p.phone_e164
            standings.append(Standing(
                turn, now, "new_number" if new_number else what, a.state == "booked",
                f"{day_of(day, day)} {clock}", a.cancelled_by, p.phone_e164, may_text, self._silent[which],
            ))  # fmt: skip
        db.session.rollback()
