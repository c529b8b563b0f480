"""Every action that is about one person, found from the code: none of them texts somebody who may not be texted."""

import importlib
import inspect
import pkgutil

import pytest
from sqlalchemy import select, update

import reminder_site.actions
from reminder_site.actions.appointments import Tell
from reminder_site.actions.patients import Details
from reminder_site.db import db, transaction
from reminder_site.domain.refusals import Refused
from reminder_site.models import Appointment, InboundMessage, Message, OptOut, Patient, Reminder
from reminder_site.queries import links
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests.appointing import ALICE, at, book, read
from tests.delivering import a_text, at_twilio
from tests.factories import a_patient
from tests.patients_page import a_page
from tests.texting import PHONE, last_text, link_to, sids, text

PERSONAL = {
    "patient_id",
    "appointment_id",
    "reminder_id",
    "message_id",
    "inbound_id",
    "patient",
    "link_id",
    "from_e164",
}
DOORS = {"by", "link_id", "from_e164"}  # pressed by somebody, or by the patient; the worker's own have none of these
WORKERS = {"receipts.take_over"}
LIFTS = {"patients.record_consent", "patients.trust_number"}  # that is what they are for; each has tests of its own
ENDS = {"inbox.stop_texts", "erasing.erase"}  # pressed last, or it would hide what the others do
ACKNOWLEDGED = "no more texts will come from us"  # the one text that an opt-out allows
HELP_IS_HELPED = "Elm Clinic: texts about your appointments"


def doors():
    """Find every public action that is about one person and that somebody's deed sets off, by its name."""
    found = {}
    for module in pkgutil.iter_modules(reminder_site.actions.__path__):
        there = importlib.import_module(f"reminder_site.actions.{module.name}")
        for name, action in inspect.getmembers(there, inspect.isfunction):
            given = set(inspect.signature(action).parameters)
            public = not name.startswith("_") and action.__module__ == there.__name__ and "now" in given
            if public and given & PERSONAL and given & DOORS and "session" not in given:
                found[f"{module.name}.{name}"] = action
    return {name: found[name] for name in sorted(found, key=lambda name: name in ENDS) if name not in WORKERS}


class Stage:
    """One patient with an appointment, planned texts, a parked text, a text in the inbox and a link."""

    def __init__(self, clinic, worker, clock, sandbox):
        self.clinic, self.worker, self.clock, self.sandbox = clinic, worker, clock, sandbox
        self.carol = a_patient(clinic, phone_e164=PHONE)
        self.visit = book(clinic, clock.now(), at(clinic, 2026, 11, 20, 14, 30), patient=self.carol.public_id)
        text("can I come at 4?", clock.now())
        a_text(clinic, clock.now(), kind="staff", patient_id=self.carol.id, to_e164=PHONE, in_minutes=60)

    def argument(self, name):
        """Give what an action asks for; one that nobody thought of is named by the error."""
        return {
            "clinic_id": lambda: self.clinic.id,
            "clinics": lambda: [self.clinic.id],
            "by": lambda: ALICE,
            "now": self.clock.now,
            "patient_id": lambda: self.carol.public_id,
            "patient": lambda: self.carol.public_id,
            "appointment_id": self._visit,
            "reminder_id": self._reminder,
            "message_id": self._parked,
            "inbound_id": lambda: last_text().public_id,
            "link_id": lambda: self._linked().link_id,
            "page": lambda: a_page(self._linked()),
            "time": lambda: at(self.clinic, 2026, 11, 23 + next(sids) % 4, 10, 0),
            "tell": lambda: Tell(True, "by text"),
            "version": lambda: read(self._visit()).version,
            "details": lambda: Details("Carol", "Read", PHONE),
            "consent_how": lambda: "",
            "body": lambda: "Please call us",
            "hour": lambda: "now",
            "on": lambda: True,
            "how": lambda: "spoken",
            "reason": lambda: "ill",
            "why": lambda: "asked",
            "answer": lambda: "none",
            "outcome": lambda: "",
            "kind": lambda: "confirm",
            "sid": lambda: f"SM{next(sids):032x}",
            "from_e164": lambda: PHONE,
            "to": lambda: "+15005550006",
            "media_count": lambda: 0,
        }[name]

    def enter(self, action):
        """Do it, as far as it is not refused; then let the worker do what follows of it."""
        asked = inspect.signature(action).parameters
        wanted = [name for name, one in asked.items() if one.default is one.empty or name == "hour"]
        given = {name: self.argument(name)() for name in wanted}
        db.session.rollback()
        try:
            done = action(**given)
        except Refused:
            done = None
        for _ in range(2):
            self.clock.forward(minutes=4)
            self.worker.settle()
        return done

    def texts(self):
        """Count what Twilio was ever given for the number, but for the acknowledgement of an opt-out."""
        return len([text for text in at_twilio(self.sandbox, PHONE) if ACKNOWLEDGED not in text.body])

    def _visit(self):
        booked = select(Appointment.public_id).where(Appointment.state == "booked").order_by(Appointment.id.desc())
        return db.session.scalar(booked) or self.visit

    def _linked(self):
        path = link_to(read(self._visit()), self.clock.now())
        return links.find(path.rsplit("/", 1)[1], now=self.clock.now())

    def _reminder(self):
        waits = Reminder.wanted, Message.state.in_(["pending", "scheduled"])
        query = select(Reminder.public_id).join(Message, Message.reminder_id == Reminder.id).where(*waits)
        return db.session.scalar(query.order_by(Reminder.id.desc())) or "none"

    def _parked(self):
        with transaction() as session:
            staff = Message.kind == "staff", Message.patient_id == self.carol.id, Message.sid.is_(None)
            row = session.scalar(select(Message).where(*staff).order_by(Message.id.desc()))
            if row is not None and row.state == "pending":
                parked = {"state": "needs_review", "wanted": True, "next_action_at": None}
                session.execute(update(Message).where(Message.id == row.id).values(**parked))
        return row.public_id if row is not None else "none"


@pytest.fixture
def stage(clinic, worker, clock, sandbox):
    return Stage(clinic, worker, clock, sandbox)


def never_agreed(session, carol):
    session.execute(update(Patient).values(consent_how="", consent_at=None))


def flagged(session, carol):
    session.execute(update(Patient).values(phone_flag="unreachable"))


def opted_out(session, carol):
    session.add(OptOut(e164=PHONE, sender=MESSAGING_SERVICE_SID, source="text", started_at=carol.created_at))


def test_every_action_about_a_person_is_known(stage):
    required = {n for a in doors().values() for n, p in inspect.signature(a).parameters.items() if p.default is p.empty}
    assert {"patients.send_text", "reminders.send_reminder_now", "parking.send_anyway"} <= set(doors())
    for name in required:
        stage.argument(name)


@pytest.mark.parametrize("refusal", [never_agreed, flagged, opted_out])
def test_through_no_action_a_text_leaves_to_who_may_not_be_texted(stage, refusal):
    with transaction() as session:
        refusal(session, stage.carol)
    said = {name: stage.enter(action) for name, action in doors().items() if name not in LIFTS}
    assert stage.texts() == 0
    assert not said["answers.receive"]
    replies = db.session.scalars(select(InboundMessage.reply).order_by(InboundMessage.id)).all()
    assert not any(replies[1:])  # the first came while texts were still agreed to


def test_through_the_same_actions_texts_leave_to_who_agreed(stage):
    textful = set()
    for name, action in doors().items():
        before = stage.texts()
        stage.enter(action)
        textful |= {name} if stage.texts() > before else set()
    assert {"appointments.book", "appointments.move", "patients.send_text", "reminders.send_reminder_now"} <= textful


@pytest.mark.parametrize("refusal", [never_agreed, flagged, opted_out])
def test_what_was_planned_before_does_not_leave_when_its_time_comes(stage, refusal):
    with transaction() as session:
        refusal(session, stage.carol)
    stage.clock.forward(hours=1)  # the confirmation, the text by hand; the reminders would lie at Twilio by now
    stage.worker.settle()
    assert stage.texts() == 0


def test_without_consent_help_is_answered_and_nothing_else(stage):
    with transaction() as session:
        never_agreed(session, stage.carol)
    replies = {body: text(body, stage.clock.now()) for body in ("1", "3", "can I come at 4?", "Hilfe", "HELP", "info")}
    assert {body for body, reply in replies.items() if reply} == {"Hilfe", "HELP", "info"}
    assert all(reply.startswith(HELP_IS_HELPED) and "(212) 555-0100" in reply for reply in replies.values() if reply)
