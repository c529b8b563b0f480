"""Looks twice a minute whether the site is well, from a thread of each web process and worker. A door.

Whoever is left finds out that the other is dead: the web process a silent worker, the dead man's switch a silent web.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

import pendulum
from flask import Flask

from reminder_site.actions import alerts, notices
from reminder_site.actions.refused_webhooks import Refusals
from reminder_site.clock import Clock
from reminder_site.config import Settings
from reminder_site.domain.alert_measures import Figures
from reminder_site.domain.alerts import BY_KEY, LOOK_EVERY_SECONDS
from reminder_site.gateways import machine, webhook
from reminder_site.queries import alert_figures

log = logging.getLogger("reminder_site.alerts")
PING_SECONDS = 60
FRESH_SECONDS = BY_KEY["worker_silent"].levels[0].threshold


class Watch:
    """One process's watch; `calls_dead_man` is for web processes, whose own death is noticed by its silence."""

    def __init__(self, app: Flask, *, calls_dead_man: bool, monotonic: Callable[[], float] = time.monotonic) -> None:
        settings: Settings = app.extensions["settings"]
        self.app, self.calls_dead_man, self.monotonic = app, calls_dead_man, monotonic
        self.clock: Clock = app.extensions["clock"]
        self.refusals: Refusals = app.extensions["refusals"]
        self.disk, self.host = machine.Disk(settings.data_path), machine.host()
        self._at_work, self._begins = threading.Lock(), threading.Lock()
        self._soon, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._cried_at = float("-inf")

    def begin(self) -> None:
        """Have a thread of this process look from now on; a forked process, or one whose thread ended, gets its own."""
        if self._pid == os.getpid() and self._thread and self._thread.is_alive():
            return
        with self._begins:
            if self._pid != os.getpid() or not (self._thread and self._thread.is_alive()):
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
                self._thread.start()

    def soon(self) -> None:
        """Have the thread look at once: somebody waits for what it tells."""
        self._soon.set()

    def end(self) -> None:
        """Have the thread end, after the look it is at."""
        self._ended.set()
        self._soon.set()

    def look(self) -> None:
        """Look, judge and tell; whatever fails is logged, and the dead man's switch is told."""
        if not self._at_work.acquire(blocking=False):
            return
        try:
            with self.app.app_context():
                well = self._judge()
                if well is not None:
                    self._tell()
                    self._call_dead_man(well)
        finally:
            self._at_work.release()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._soon.wait(LOOK_EVERY_SECONDS)  # first: the other processes begin, too
            self._soon.clear()
            try:
                if not self._ended.is_set():
                    self.look()
            except Exception:
                log.exception("a look of the alerts failed")

    def _judge(self) -> bool | None:
        """Judge one look; say whether all is fresh that the dead man's switch stands for, None in a rehearsal."""
        now = self.clock.now()
        try:
            if alert_figures.is_rehearsal():
                return None
            self.refusals.flush(now=self.clock.machine_now())
            found = alert_figures.figures(host=self.host, disk=self.disk.look(self.monotonic()), now=now)
            alerts.look(found=found, usual_at=alert_figures.watch().usual_at, now=now)
        except Exception:
            log.exception("the site could not be looked over")
            return False
        return _is_fresh(found, now)

    def _tell(self) -> None:
        try:
            notices.tell(now=self.clock.now(), machine_now=self.clock.machine_now())
        except Exception:
            log.exception("alerts could not be told")

    def _call_dead_man(self, well: bool) -> None:
        """Call the switch once a minute, by one of the web processes; without a database each calls for help itself."""
        settings: Settings = self.app.extensions["settings"]
        if not (settings.deadman_url and self.calls_dead_man):
            return
        now = self.clock.now()
        try:
            mine, well = alerts.claim_ping(now=now), well and not notices.late(now=now)
        except Exception:
            log.exception("the database takes nothing: the dead man's switch is told")
            mine, well = self.monotonic() - self._cried_at >= PING_SECONDS, False
            self._cried_at = self.monotonic() if mine else self._cried_at
        if mine:
            try:
                webhook.ping(settings.deadman_url, well=well)
            except webhook.NotTaken as error:
                log.warning("the dead man's switch did not answer: %s", error)


def _is_fresh(found: Figures, now: pendulum.DateTime) -> bool:
    return found.beat_at is not None and (now - found.beat_at).total_seconds() <= FRESH_SECONDS
