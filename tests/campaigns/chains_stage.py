"""Where a chain is played: one site and its sandbox in this process, on a clock that moves only when told to.

Owns time, the worker's looks and what is overheard between the site and Twilio; knows no desk.
"""

import logging
import random
import re
from contextlib import contextmanager
from pathlib import Path

import pendulum
from sqlalchemy import select

from reminder_site.actions import receipts
from reminder_site.db import db
from reminder_site.domain import link_tokens
from reminder_site.gateways.sms import Sms
from reminder_site.models import Appointment, Attempt, Message, MessageEvent, Patient
from reminder_site.queries import delivery, inbox, parked
from reminder_site.queries.plans import LINK_FIELD
from reminder_site.sandbox.server import SandboxServer
from reminder_site.worker import Worker
from tests import conftest, factories
from tests.campaigns.chains_judge import FIRST_NAME, WHEN, Heard, Row, Story
from tests.delivering import arrive

NOBODY_CALLS_BACK = {"callbacks": {"lost": 1.0}}
MOST_LOOKS = 60  # at one moment; more would be a worker that turns in a circle
HEARTBEAT_SECONDS = 16
LOST_ANSWERS = {"unknown", ""}
LINK = re.compile(rf"https?://\S+/m/{link_tokens.SHAPE}")


class OverheardSms(Sms):
    """The site's way to Twilio, with somebody who listens and may act while a call is on the wire."""

    def __init__(self, settings, listener):
        super().__init__(settings)
        self._listener = listener

    def create(self, **asked):
        """Ask Twilio for one text, as the site does; the listener is told before and after."""
        self._listener.call_begins()
        outcome = super().create(**asked)
        self._listener.call_ends()
        return outcome


class KeptErrors(logging.Handler):
    """Keeps what the site logs as an error: the worker writes down there what it stumbles over."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.kept = []

    def emit(self, record):
        """Keep one line, with the name of its exception."""
        error = record.exc_info[1] if record.exc_info else None
        self.kept.append(f"{record.getMessage()}: {type(error).__name__}: {error}" if error else record.getMessage())


@contextmanager
def kept_errors():
    """Collect what the site logs as errors meanwhile, and keep it off the terminal."""
    handler, logger = KeptErrors(), logging.getLogger("reminder_site")
    logger.addHandler(handler)
    before, logger.propagate = logger.propagate, False
    try:
        yield handler.kept
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


@contextmanager
def open_site(folder, store="sqlite"):
    """Open a site and its sandbox for many chains; the sandbox is in this process."""
    place = Path(folder) / store
    place.mkdir(parents=True, exist_ok=True)
    with SandboxServer(port=0, db=":memory:") as sandbox:
        site = conftest.Site(store, place, sandbox.url)
        try:
            yield site, sandbox
        finally:
            site.close()


class Stage:
    """One chain's place: the site emptied, a clinic, a worker, and a story that is written along."""

    def __init__(self, site, sandbox, *, begins, receipts_arrive, seed):
        site.empty()
        sandbox.exchange.reset()
        random.seed(seed)  # the worker's waits are spread by it
        self.app, self.exchange, self.sandbox = site.app, sandbox.exchange, sandbox
        self.clock = self.app.extensions["clock"] = conftest.StillClock(begins, sandbox)
        self.sms = OverheardSms(self.app.extensions["settings"], self)
        self._before, self.app.extensions["sms"] = self.app.extensions["sms"], self.sms
        self.exchange.faults.put(dict(NOBODY_CALLS_BACK))
        self.clock.set(begins)
        self.receipts_arrive, self._told = receipts_arrive, {}
        self.story, self.turn, self._decided, self._known = Story(), 0, 0, set()
        self._during, self._lists_fail_since, self.blind = None, None, []
        with self.app.app_context():
            self.clinic_id = factories.a_clinic(now=begins).id
            db.session.remove()
        self.worker = Worker(self.app, monotonic=self.clock.monotonic)

    def close(self):
        """Hang up, and give the site its own way to Twilio back."""
        self.sms.close()
        self.app.extensions["sms"] = self._before

    def now(self):
        """Return the present instant."""
        return self.clock.now()

    def next_turn(self):
        """Count one turn further."""
        self.turn += 1
        return self.turn

    def on_the_wire(self, when, act):
        """Have something done at the next call to Twilio: "before" it leaves, or "after", before its answer is read."""
        self._during = (when, act)

    def call_begins(self):
        """Hear that a text is about to be handed over."""
        self._act("before")

    def call_ends(self):
        """Hear that Twilio has the text, or has refused it."""
        arrive(self.sandbox)
        self.listen()
        self._act("after")

    def _act(self, when):
        if self._during and self._during[0] == when:
            act, self._during = self._during[1], None
            with self.app.app_context():
                act()

    def settle(self):
        """Let the worker do all that is due now, one look after the other."""
        for _ in range(MOST_LOOKS):
            self._decided = self.turn
            steps = self.worker.settle(1)
            arrive(self.sandbox)
            self.listen()
            if self.receipts_arrive:
                self._bring_receipts()
            if not steps:
                return
        self.story.errors.append(f"the worker found something to do {MOST_LOOKS} times at {self.now():%H:%M:%S}")

    def wait(self, seconds):
        """Let time pass with a worker that looks whenever something is due."""
        ends = self.now().add(seconds=seconds)
        self.settle()
        self._forward_to(min(ends, self._next_look(), self.now().add(seconds=HEARTBEAT_SECONDS)))
        self.settle()
        while self.now() < ends:
            self._forward_to(min(ends, self._next_look()))
            self.settle()

    def next_held_at(self):
        """Return when Twilio sends the next text it holds, None when it holds none."""
        at = self.exchange.store.value("SELECT min(send_at) FROM message WHERE status = 'scheduled'")
        return pendulum.from_timestamp(at) if at else None

    def trouble(self, rules):
        """Set the switchboard of the sandbox."""
        fails = any(rule["on"] == "list" for rule in rules)
        if fails and self._lists_fail_since is None:
            self._lists_fail_since = self.now()
        elif not fails and self._lists_fail_since is not None:
            self.blind.append((self._lists_fail_since, self.now()))
            self._lists_fail_since = None
        self.exchange.faults.put({"rules": rules, **NOBODY_CALLS_BACK})

    def listen(self):
        """Note what phones got since the last time, in the order in which it left."""
        left = self.exchange.store.messages(
            "WHERE sent_at IS NOT NULL AND direction = 'outbound-api' ORDER BY sent_at, id"
        )
        for text in left:
            if text.sid in self._known:
                continue
            self._known.add(text.sid)
            turn, held = self.next_turn(), text.send_at is not None
            at = pendulum.from_timestamp(text.sent_at)
            decided = turn if held else self._decided
            heard = Heard(turn, decided, at, text.recipient, _without_link(text.body), held)
            self.story.heard.append((text.sid, heard))

    def _forward_to(self, moment):
        self.clock.set(moment)
        self.exchange.dispatcher.run_due()
        arrive(self.sandbox)
        self.listen()

    def _next_look(self):
        """Return the next moment at which a running worker or Twilio does something; soon, once after each change."""
        with self.app.app_context():
            due = delivery.next_action_at()
            db.session.remove()
        leaves = self.exchange.dispatcher.next_due_at()
        moments = [due, pendulum.from_timestamp(leaves) if leaves else None]
        ahead = [at for at in moments if at is not None and at > self.now()]
        soon = self.now().add(seconds=HEARTBEAT_SECONDS)
        latest = self.now().add(hours=6)
        overdue = any(at is not None and at <= self.now() for at in moments)
        return min([soon if overdue else latest, *ahead])

    def _bring_receipts(self):
        """Bring the site the receipt of every text whose status changed, as Twilio's callbacks do."""
        with self.app.app_context():
            for text in self.exchange.store.messages("WHERE direction = 'outbound-api' ORDER BY id"):
                token = (text.status_callback or "").partition("#")[0].rpartition("/")[2]
                if text.status != "scheduled" and self._told.get(text.sid) != text.status:
                    self._told[text.sid] = text.status
                    receipts.receive_status(
                        token=token, sid=text.sid, status=text.status, error_code=text.error_code, now=self.now()
                    )
            db.session.remove()

    def finish(self):
        """Complete the story with what the site says at the end, and return it."""
        story, self.story.ends_at = self.story, self.now()
        with self.app.app_context():
            rows = db.session.execute(
                select(Message, Patient.first_name, Appointment.starts_local, Appointment.public_id)
                .join(Patient, Patient.id == Message.patient_id)
                .join(Appointment, Appointment.id == Message.appointment_id)
                .order_by(Message.id)
            ).all()
            shown = {one.id: one.appointment_id for one in parked.listed(clinic_id=self.clinic_id, now=self.now())}
            asks = {one.appointment_id for one in inbox.listed(clinic_id=self.clinic_id)} | set(shown.values())
            story.rows = [_row(message, first_name, local, shown) for message, first_name, local, _ in rows]
            about = {public_id: _about(first_name, local) for _, first_name, local, public_id in rows}
            story.waiting_for_a_person = {about[public_id] for public_id in asks if public_id in about}
            story.heard = [self._completed(sid, text) for sid, text in story.heard]
            db.session.remove()
        held = self.exchange.store.messages("WHERE status = 'scheduled' ORDER BY id")
        story.scheduled = {text.sid: _without_link(text.body) for text in held}
        return story

    def _completed(self, sid, text):
        told = select(MessageEvent.id).join(Message, Message.id == MessageEvent.message_id)
        too_late = told.where(Message.sid == sid, MessageEvent.words.startswith("too late to cancel"))
        lost = select(Attempt.outcome).join(Message, Message.id == Attempt.message_id).where(
            Message.sid == sid, Attempt.sid.is_(None))  # fmt: skip
        answer_lost = db.session.scalar(select(Message.id).where(Message.sid == sid)) is None or any(
            outcome in LOST_ANSWERS for outcome in db.session.scalars(lost)
        )
        ends = [until for since, until in self.blind if since < text.at]
        return Heard(
            text.turn, text.decided, text.at, text.phone, text.words, text.held,
            too_late=db.session.scalar(too_late.limit(1)) is not None,
            blind_until=min(max(ends), text.at) if ends and answer_lost else None,
        )  # fmt: skip


def _without_link(body):
    """Return a text's words as the site keeps them: two copies of one text may carry different links."""
    return LINK.sub(LINK_FIELD, body)


def _about(first_name, local):
    return first_name, f"{local:%M}"


def _row(message, first_name, local, shown):
    return Row(
        about=_about(first_name, local),
        words=message.body,
        state=message.state,
        wanted=message.wanted,
        sid=message.sid,
        send_at=message.send_at,
        has_next_look=message.next_action_at is not None,
        shown=message.public_id in shown,
    )


def about_of(words):
    """Name the appointment a text is about."""
    name, when = FIRST_NAME.search(words), WHEN.search(words)
    return (name.group(1), when.group(1)) if name and when else ("", "")
