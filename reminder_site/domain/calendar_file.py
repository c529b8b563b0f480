"""An appointment as a calendar file (RFC 5545): one stable UID, a SEQUENCE that grows with each change."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pendulum
from icalendar import Alarm, Calendar, Event, vCalAddress, vText

RINGS_BEFORE: Final = timedelta(hours=2)
PRODUCT = "-//Reminder Site//Appointment//EN"


@dataclass(frozen=True)
class Entry:
    """What the patient's calendar is told. Instants are UTC; no reason, no clinician. `url` is the patient's page."""

    uid: str
    sequence: int
    clinic: str
    organizer: str
    place: str
    phone: str
    url: str
    starts_at: pendulum.DateTime
    ends_at: pendulum.DateTime
    cancelled: bool

    @property
    def method(self) -> str:
        """Return what the file asks a calendar to do; its content type says it too (RFC 5545, 8.1)."""
        return "CANCEL" if self.cancelled else "PUBLISH"


def calendar_file(entry: Entry, now: pendulum.DateTime) -> bytes:
    """Write one appointment as an .ics file; `now` (UTC) is its stamp."""
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", now.set(microsecond=0))
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("summary", f"Appointment at {entry.clinic}")
    if entry.place:
        event.add("location", entry.place)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("organizer", _organizer(entry))
    event.add("url", entry.url)
    event.add("description", _description(entry))
    if not entry.cancelled:
        event.add_component(_alarm(entry))
    whole = Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("method", entry.method)
    whole.add_component(event)
    return bytes(whole.to_ical())


def _organizer(entry: Entry) -> vCalAddress:
    """Name the clinic: PUBLISH and CANCEL need somebody who does so (RFC 5546, 3.2.1 and 3.2.5)."""
    organizer = vCalAddress(f"mailto:{entry.organizer}")
    organizer.params["CN"] = vText(entry.clinic)
    return organizer


def _description(entry: Entry) -> str:
    phone = f"\nOr phone {entry.clinic}: {entry.phone}" if entry.phone else ""
    return f"To answer, or if you can't come: {entry.url}{phone}"


def _alarm(entry: Entry) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -RINGS_BEFORE)
    alarm.add("description", f"Appointment at {entry.clinic}")
    return alarm
