"""What a worker does so that a crash, a full disk or a restored database costs nobody a text, or a second one.

Owns the marks beside the database, the spool and the looks that end a hold. A door, like the worker itself.
"""

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask

from reminder_site.actions import delivery, demo_texts, hold
from reminder_site.actions.intents import Intent
from reminder_site.clock import Clock
from reminder_site.config import Settings
from reminder_site.domain.delivery import Outcome, Pace
from reminder_site.failpoints import reach
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.gateways.sms import Sms
from reminder_site.gateways.spool import Spool, Taken
from reminder_site.queries import accounts, audit_chain

log = logging.getLogger("reminder_site.safeguards")
ON_HOLD = "sending is on hold until Twilio's own lists were read"


class Safeguards:
    """One worker's safeguards; `monotonic` is its stopwatch (seconds)."""

    def __init__(self, app: Flask, pace: Pace, monotonic: Callable[[], float]) -> None:
        settings: Settings = app.extensions["settings"]
        self.app, self.pace, self.monotonic = app, pace, monotonic
        self.clock: Clock = app.extensions["clock"]
        self.sms: Sms = app.extensions["sms"]
        self.kept = DataFolder(settings.data_path)
        self.spool = Spool(settings.data_path / "spool.jsonl")
        self.held = False
        self._started = self._rival = False
        self._begun: hold.Start | None = None
        self._absent: frozenset[int] = frozenset()
        self._look_at = 0.0  # by the stopwatch

    def start(self) -> None:
        """See, once and before the first heartbeat, whether the database is behind; catch up on what was spooled."""
        if self._started:
            return
        begun = self._begun = self._begun or self._begin()
        try:
            self._catch_up(begun.rival)
            self.kept.keep_instance_id(begun.instance_id)
        except OSError:
            log.exception("%s cannot be written: a restored database may go unnoticed", self.kept.path)
        self._leave_the_demo_behind()
        self._await(begun.rival)
        self._started, self.held = True, begun.held
        if begun.held:
            log.warning(ON_HOLD)

    def _begin(self) -> hold.Start:
        """Ask once: a start that is tried again would take its own hold for somebody else's."""
        return hold.begin(instance_id=self.kept.instance_id(), head=self.kept.audit_head(), now=self.clock.now())

    def _leave_the_demo_behind(self) -> None:
        settings: Settings = self.app.extensions["settings"]
        if settings.is_live and (withdrawn := demo_texts.withdraw(now=self.clock.now())):
            log.warning("%d texts to made-up numbers are taken back: the site is live", withdrawn)
        if emails := accounts.shut_out():
            log.warning("accounts of the demo are still here and cannot sign in: %s", ", ".join(emails))

    def after_beat(self, held: bool) -> None:
        """Learn whether sending is on hold, and note the audit's head beside the database."""
        if held and not self.held:
            self._await(rival=True)  # begun by somebody else
            log.warning(ON_HOLD)
        self.held = held
        try:
            self.kept.keep_audit_head(audit_chain.head())
        except OSError:
            log.exception("the audit's head could not be noted in %s", self.kept.path)

    def look(self, submit: Callable[..., Any]) -> None:
        """While sending is on hold and the time has come, look whether the hold can end."""
        if self.held and self.monotonic() >= self._look_at:
            self._look_at = float("inf")
            submit(self._look)

    def keep(self, answer: delivery.Answer) -> None:
        """Spool an answer that the database would not take, if a text came of it."""
        intent, outcome = answer.intent, answer.outcome
        if not outcome.sid:
            return
        reach("before_spool")
        try:
            taken = Taken(intent.message_id, intent.attempt_no, outcome.sid, outcome.status, answer.at, intent.send_at)
            self.spool.add(taken)
        except OSError:
            log.exception("the spool could not be written; Twilio's own list will tell")
        reach("after_spool")

    def _catch_up(self, rival: bool) -> None:
        if rival:
            self.spool.discard()  # it tells of another past; the hold finds its texts
        while spooled := self.spool.read():
            for taken in spooled:
                delivery.record(answers=[_recorded(taken)], pace=self.pace)
            reach("spool_recorded")
            self.spool.clear()

    def _await(self, rival: bool) -> None:
        self._rival, self._absent = rival, frozenset()
        self._look_at = self.monotonic() + (self.pace.first_look_seconds if rival else 0.0)

    def _look(self) -> None:
        try:
            with self.app.app_context():
                seen = hold.look(sms=self.sms, absent_before=self._absent, rival=self._rival, now=self.clock.now())
            self._absent, self.held = seen.absent, self.held and not seen.over
            if seen.over:
                log.warning("the hold is over: texts leave again")
        except Exception:
            log.exception("what was texted meanwhile could not be looked up")
        finally:
            self._look_at = self.monotonic() + self.pace.second_look_seconds


def _recorded(taken: Taken) -> delivery.Answer:
    """Return as much of an attempt and its answer as recording them needs."""
    intent = Intent(taken.message_id, taken.attempt_no, "", "", "", "", taken.send_at, taken.at, {})
    outcome = Outcome("created", "taken", "Twilio took it", taken.sid, taken.status)
    return delivery.Answer(intent, outcome, taken.at)
