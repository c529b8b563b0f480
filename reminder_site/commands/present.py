"""The time, for commands."""

import pendulum
from flask import current_app

from reminder_site.clock import Clock


def present() -> pendulum.DateTime:
    """Return the site's present instant (UTC)."""
    clock: Clock = current_app.extensions["clock"]
    return clock.now()
