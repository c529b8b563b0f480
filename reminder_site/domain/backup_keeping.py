"""Which backups are kept as they grow old. Pure; moments are UTC."""

from collections.abc import Iterable
from typing import Final

import pendulum

HOURLY: Final = 48
DAILY: Final = 35


def kept(made: Iterable[pendulum.DateTime]) -> set[pendulum.DateTime]:
    """Return the newest backup of each of the last 48 hours, and of each of the last 35 days, that have one."""
    by_hour: dict[str, pendulum.DateTime] = {}
    by_day: dict[str, pendulum.DateTime] = {}
    for made_at in sorted(made, reverse=True):
        by_hour.setdefault(made_at.in_timezone("UTC").strftime("%Y-%m-%d %H"), made_at)
        by_day.setdefault(made_at.in_timezone("UTC").strftime("%Y-%m-%d"), made_at)
    return {*list(by_hour.values())[:HOURLY], *list(by_day.values())[:DAILY]}
