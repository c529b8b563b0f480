"""Appointment reminders for clinics. Importing anything from here pins the time-zone data to the `tzdata` package.

Owns that pin alone; imports nothing heavy and nothing from the rooms inside.
"""

import os
import zoneinfo


def pin_zone_data() -> None:
    """Make this process and its children read zone rules from the `tzdata` package, never from the host."""
    os.environ["PYTHONTZPATH"] = ""
    zoneinfo.reset_tzpath(to=())
    # A library imported earlier may already hold host zones; pendulum's class is a subclass with a cache of its own.
    kinds: list[type[zoneinfo.ZoneInfo]] = [zoneinfo.ZoneInfo, *zoneinfo.ZoneInfo.__subclasses__()]
    for kind in kinds:
        kind.clear_cache()


pin_zone_data()
