"""Where one campaign takes place: what every process in it has to be told, in plain values."""

import logging
import multiprocessing
import os
import random
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import reminder_site.clock as clock_module
import reminder_site.worker as worker_module
from reminder_site.app import create_app
from reminder_site.config import Settings
from reminder_site.sandbox.identity import ACCOUNT_SID, AUTH_TOKEN, MESSAGING_SERVICE_SID
from reminder_site.standstill import end_after
from tests.campaigns import statements

CLOCK_ASKED_SECONDS = 0.04
SECRET = "campaigns-only-secret-of-more-than-32-bytes"


def die_with_parent():
    """End this process as soon as the campaign's own is gone: an interrupted campaign leaves nothing behind."""

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True)
class Place:
    """One campaign's stores, addresses and pace."""

    folder: Path
    database_url: str
    queue_url: str
    sandbox_url: str
    web_port: int
    speed: int = 80
    texts_in_flight: int = 8
    texts_per_second_after_trouble: int = 1000
    longest_nap_seconds: float = 0.1
    hints: bool = True
    ends_after_standing_still: bool = False

    def settings(self):
        """Return the site's settings here."""
        return Settings(
            secret_key=SECRET,
            database_url=self.database_url,
            queue_url=self.queue_url,
            public_base_url=f"http://127.0.0.1:{self.web_port}",
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            twilio_messaging_service_sid=MESSAGING_SERVICE_SID,
            twilio_base_url=self.sandbox_url,
            data_folder=str(self.folder),
            backup_minutes=0,
            texts_in_flight=self.texts_in_flight,
            delivery_speed=self.speed,
            texts_per_second_after_trouble=self.texts_per_second_after_trouble,
        )

    def open(self, role):
        """Build the site in a process that has just been forked; what it logs goes to a file in the folder."""
        die_with_parent()
        random.seed()
        logging.basicConfig(
            filename=self.folder / f"{role}.log", format="%(asctime)s %(process)d %(message)s", force=True
        )
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        sys.stderr = open(self.folder / f"{role}.err", "a", buffering=1)
        clock_module.REFRESH_SECONDS = CLOCK_ASKED_SECONDS
        worker_module.SANDBOX_NAP_SECONDS = self.longest_nap_seconds
        worker_module.end_after = self._guard
        app = create_app(self.settings())
        statements.lend(app)
        if not self.hints:
            app.extensions["alarms"].now = app.extensions["alarms"].in_seconds = lambda *_: None
        return app

    def guarded(self, process_id):
        """Name the file that is there once a worker would end after standing still."""
        return self.folder / f"guarded-{process_id}"

    def _guard(self, seconds):
        if self.ends_after_standing_still:  # else the fence is what is to stop it, and at such a pace it may come late
            end_after(seconds)
            self.guarded(os.getpid()).touch()
