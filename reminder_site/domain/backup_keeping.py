"""Which backups are kept as they grow old. Pure; moments are UTC."""

from collections.abc import Iterable
from typing import Final

import pendulum

EVERY_ONE_HOURS: Final = 2  # all that are younger: with one every five minutes no more than these are lost
HOURLY: Final = 48
DAILY: Final = 35


def kept(made: Iterable[pendulum.DateTime]) -> set[pendulum.DateTime]:
    """Return the backups of the last two hours, and the newest of each of the last 48 hours and 35 days that have one.

    Counted back from the newest backup: where none were made for a while, none go.
    """
    made = sorted(made, reverse=True)
    by_hour: dict[str, pendulum.DateTime] = {}
    by_day: dict[str, pendulum.DateTime] = {}
    for made_at in made:
        by_hour.setdefault(made_at.in_timezone("UTC").strftime("%Y-%m-%d %H"), made_at)
        by_day.setdefault(made_at.in_timezone("UTC").strftime("%Y-%m-%d"), made_at)
    young = {at for at in made if at > made[0].subtract(hours=EVERY_ONE_HOURS)}
    return {*young, *list(by_hour.values())[:HOURLY], *list(by_day.values())[:DAILY]}
