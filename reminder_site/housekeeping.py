"""What a worker does now and then beside sending: no text waits for it. A door, like the worker itself."""

import logging
import threading

import pendulum
from flask import Flask

from reminder_site.actions import (
    backups,
    corrections,
    erasing,
    form_nonces,
    invitations,
    kept_forms,
    missed_texts,
    passkeys,
    redaction,
    replanning,
    retention,
    second_factor,
    sender_pauses,
    tallies,
    zone_rules,
)
from reminder_site.clock import Clock
from reminder_site.config import Settings, settings
from reminder_site.domain.actor import WORKER
from reminder_site.gateways.sms import Sms

log = logging.getLogger("reminder_site.worker")
BATCHES_AT_ONCE = 20  # of what is no longer kept, with each heartbeat


class Housekeeping:
    """One worker's chores; `stopping` is set when it is to end."""

    def __init__(self, app: Flask, *, stopping: threading.Event) -> None:
        self.app, self.stopping = app, stopping
        self.clock: Clock = app.extensions["clock"]
        self.sms: Sms = app.extensions["sms"]
        self._at_work = threading.Lock()
        self._zones_followed = False
        self.settings: Settings = app.extensions["settings"]
        self._backed_up_at: pendulum.DateTime | None = None
        self._listed_at: pendulum.DateTime | None = None
        self._list_tried_at: pendulum.DateTime | None = None

    def keep(self) -> None:
        """Do each chore once, unless the last round is not through; one that fails keeps no other waiting."""
        if not self._at_work.acquire(blocking=False):
            return
        try:
            with self.app.app_context():
                for chore in (self.read_missed_texts, self._put_right, self._plan_anew, self._follow_the_zone_rules,
                              self._let_senders_go_on, self._forget_forms, self._seal_anew, self._count, self._let_go,
                              self._have_twilio_forget, self._list_the_erased, self._back_up):  # fmt: skip
                    try:
                        chore()
                    except Exception:
                        log.exception("a chore of the worker's failed and is tried again: %s", chore.__name__)
        finally:
            self._at_work.release()

    def read_missed_texts(self) -> None:
        """Take in what patients texted while no webhook reached us."""
        now = self.clock.now()
        if not missed_texts.is_due(tried_at=self._list_tried_at, now=now):
            return
        self._list_tried_at = now
        if found := missed_texts.look(sms=self.sms, now=now):
            log.warning("%s texts of patients that no webhook had brought were taken in", found)

    def _put_right(self) -> None:
        """Tell patients how it stands whom a text misled that could not be called back."""
        corrections.carry_on(now=self.clock.now())

    def _plan_anew(self) -> None:
        """Write texts anew that have become untrue, and go on with what a change of settings left, to its end."""
        replanning.write_anew(by=WORKER, now=self.clock.now())
        while not self.stopping.is_set() and replanning.carry_on(by=WORKER, now=self.clock.now()):
            pass

    def _follow_the_zone_rules(self) -> None:
        """Place appointments by the zone rules this worker started with, until that is done."""
        while not self._zones_followed and not self.stopping.is_set():
            followed = zone_rules.follow(by=WORKER, now=self.clock.now())
            self._zones_followed = not followed.unfinished
            if followed.looked_at == 0:
                break  # what is left is held by others just now

    def _let_senders_go_on(self) -> None:
        """Have texts looked at that still wait for a sender which does not pause any more."""
        sender_pauses.release(now=self.clock.now())

    def _count(self) -> None:
        """Keep the counts that /metrics tells."""
        tallies.carry_on(now=self.clock.now())

    def _forget_forms(self) -> None:
        form_nonces.forget(now=self.clock.now())
        kept_forms.forget(now=self.clock.machine_now())
        invitations.forget(now=self.clock.machine_now())
        passkeys.forget(now=self.clock.machine_now())

    def _seal_anew(self) -> None:
        """While SECRET_KEY is being changed, seal second factors with the present one, so that the last one can go."""
        if settings().other_secrets:
            second_factor.seal_anew(now=self.clock.machine_now())

    def _let_go(self) -> None:
        """Remove, in the night, what is no longer kept; so much at a time that no other chore waits for long."""
        now, machine_now = self.clock.now(), self.clock.machine_now()
        for scope, on in retention.due(now=now, machine_now=machine_now).items():
            at = machine_now if scope == retention.SITE else now
            if self.stopping.is_set() or retention.carry_on(scope=scope, on=on, batches=BATCHES_AT_ONCE, now=at):
                break

    def _have_twilio_forget(self) -> None:
        erasing.carry_on(now=self.clock.now())
        redaction.carry_on(sms=self.sms, now=self.clock.now())

    def _list_the_erased(self) -> None:
        """Once an hour, see that the data folder's list names everybody who was erased."""
        now = self.clock.now()
        if self._listed_at is None or now >= self._listed_at.add(hours=1):
            erasing.list_anew()
            erasing.forget_marks()
            self._listed_at = now

    def _back_up(self) -> None:
        """Copy a SQLite database every few minutes, and thin the copies out."""
        minutes, now = self.settings.backup_minutes, self.clock.machine_now()
        if not minutes or not self.settings.database_url.startswith("sqlite"):
            return
        if self._backed_up_at is not None and now < self._backed_up_at.add(minutes=minutes):
            return
        self._backed_up_at = now
        folder = self.settings.data_path / "backups"
        backups.note_made(manifest=backups.back_up(folder=folder, thoroughly=False, now=self.clock.now()))
        backups.prune(folder=folder)
