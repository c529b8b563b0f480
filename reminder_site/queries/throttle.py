"""How fast texts may leave now."""

from dataclasses import fields
from typing import Any

from sqlalchemy import select

from reminder_site.config import settings
from reminder_site.db import db
from reminder_site.domain.throttle import Throttle
from reminder_site.models import ThrottleRow

THE_ONE = select(ThrottleRow.metadata.tables["throttle"])  # read at every look of the worker


def throttle() -> Throttle:
    """Return the throttle all workers share."""
    return of_row(db.session.execute(THE_ONE).first())


def of_row(row: Any) -> Throttle:
    """Return the throttle a row describes; no row describes one that is wide open."""
    full_rate = float(settings().texts_per_second_after_trouble)
    if row is None:
        return Throttle(full_rate)
    kept = {f.name: getattr(row, f.name) for f in fields(Throttle) if f.name != "full_rate"}
    return Throttle(full_rate, **kept)
