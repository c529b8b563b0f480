"""The time, for doors."""

import pendulum
from flask import current_app, g

from reminder_site.clock import Clock


def now() -> pendulum.DateTime:
    """Return the instant this request came in (UTC), the same one throughout the request."""
    if "now" not in g:
        clock: Clock = current_app.extensions["clock"]
        g.now = clock.now()
    moment: pendulum.DateTime = g.now
    return moment


def machine_now() -> pendulum.DateTime:
    """Return the machine's own time (UTC), for what must not jump with the sandbox's clock."""
    clock: Clock = current_app.extensions["clock"]
    return clock.machine_now()
