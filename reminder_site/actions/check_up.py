"""How all of the site is: what its tables tell, and what only trying tells (a write, the queue, the disk)."""

import pendulum

from reminder_site.actions.write_probe import WriteProbe
from reminder_site.config import settings
from reminder_site.gateways.alarms import alarms
from reminder_site.gateways.disk import room
from reminder_site.queries import health, health_details


def check_up(
    *, probe: WriteProbe, refused_here: int = 0, now: pendulum.DateTime, real_now: pendulum.DateTime
) -> health.Checks:
    """Say how each part is; `refused_here` webhooks this process has not written down yet."""
    found = health.checks(now=now)
    outside = {"queue": health.queue(alarms().answer()), "disk": health_details.disk(*room(settings().data_path))}
    if found["database"].status == "ok":
        found = health_details.details(found, refused_here=refused_here, now=now, real_now=real_now)
        found["database"] = health_details.database(probe.succeeds())
    return found | outside
