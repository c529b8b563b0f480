"""The time, for commands."""

import pendulum
from flask import current_app

from reminder_site.clock import Clock


def present() -> pendulum.DateTime:
    """Return the site's present instant (UTC)."""
    clock: Clock = current_app.extensions["clock"]
    return clock.now()


def machine_now() -> pendulum.DateTime:
    """Return the machine's own present instant (UTC), which accounts go by."""
    clock: Clock = current_app.extensions["clock"]
    return clock.machine_now()
