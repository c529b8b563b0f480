"""How fast texts may leave now."""

from dataclasses import fields

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain.throttle import Throttle
from reminder_site.models import ThrottleRow


def throttle() -> Throttle:
    """Return the throttle all workers share."""
    return of_row(db.session.get(ThrottleRow, 1, populate_existing=True))


def of_row(row: ThrottleRow | None) -> Throttle:
    """Return the throttle a row describes; no row describes one that is wide open."""
    full_rate = float(settings().texts_per_second_after_trouble)
    if row is None:
        return Throttle(full_rate)
    kept = {f.name: getattr(row, f.name) for f in fields(Throttle) if f.name != "full_rate"}
    return Throttle(full_rate, **kept)
