"""An appointment as a calendar file (RFC 5545): one stable UID, a SEQUENCE that grows with each change."""

from dataclasses import dataclass

import pendulum
from icalendar import Calendar, Event

PRODUCT = "-//Reminder Site//Appointment//EN"


@dataclass(frozen=True)
class Entry:
    """What the patient's calendar is told. Instants are UTC; no reason, no clinician."""

    uid: str
    sequence: int
    clinic: str
    place: str
    starts_at: pendulum.DateTime
    ends_at: pendulum.DateTime
    cancelled: bool


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
    whole = Calendar()
    whole.add("prodid", PRODUCT)
    whole.add("version", "2.0")
    whole.add("method", "CANCEL" if entry.cancelled else "PUBLISH")
    whole.add_component(event)
    return bytes(whole.to_ical())
