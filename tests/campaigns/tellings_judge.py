"""The judge of random answers: knows what a phone was told, by texts and pages, and what may follow from it. Pure.

Each appointment has a minute past the hour of its own, by which a text that names a time is known to be about it.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WHEN = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2} \d{1,2}:(\d\d)[ap]m")
PLACE = re.compile(r"\d+ (?:High St|Oak Rd)")
ASKS = re.compile(r"[Rr]eply (?:1|2 or 3|3|A1)")
CALLED_OFF = re.compile(r"will not take place|had been cancelled")
CROSSING = timedelta(minutes=15)


@dataclass(frozen=True)
class Said:
    """What a phone was told of one appointment at a moment."""

    at: object
    when: str
    place: str
    asks: bool
    off: bool
    thanks: bool


@dataclass(frozen=True)
class Stands:
    """How an appointment stands."""

    when: str
    place: str
    state: str
    answer: str
    cancelled_by: str
    mine: bool
    ahead: bool


@dataclass
class Phone:
    """What one phone was told, by appointment, and which it answered when."""

    said: dict = field(default_factory=dict)
    answered: dict = field(default_factory=dict)

    def hear(self, at, words):
        """Take in a text or a reply."""
        place = PLACE.search(words)
        for found in WHEN.finditer(words):
            off = CALLED_OFF.search(words) is not None
            told = Said(at, found[0], place[0] if place else "", bool(ASKS.search(words)), off, "thank you" in words)
            self.said.setdefault(int(found[1]), []).append(told)

    def heard(self, minute, until):
        """List what was told of an appointment until a moment, the oldest first."""
        return sorted((one for one in self.said.get(minute, ()) if one.at <= until), key=lambda one: one.at)

    def asked(self, minute, until):
        """Say whether a question is open: the last thing told asks, or repeats what asked."""
        for one in reversed(heard := self.heard(minute, until)):
            if one.off or one.when != heard[-1].when:
                return False
            if one.asks:
                return True
        return False

    def waits(self, minute, until):
        """Say whether the phone may take an appointment's question for open: asked last, and not answered since."""
        heard = self.heard(minute, until)
        answered = self.answered.get(minute)
        open_now = self.asked(minute, until) and not heard[-1].thanks and not is_over(heard[-1].when, until)
        return open_now and (answered is None or answered < heard[-1].at)

    def told_apart(self):
        """Say whether the phone was told anything of an appointment that differs from what it was told before."""
        return any(
            len({(one.when, one.off) for one in told}) > 1 or len({one.place for one in told if one.place}) > 1
            for told in self.said.values()
        )


def is_over(when, at):
    """Say whether a time that a text named (in New York, in November) has come."""
    named = datetime.strptime(f"{when} 2026", "%a %d %b %I:%M%p %Y")
    return named + timedelta(hours=5) <= at.replace(tzinfo=None)


def why_not(phone, minute, stands, written_at):
    """Say why a text may not change an appointment; empty when it may."""
    heard = phone.heard(minute, written_at)
    if not stands.mine:
        return "another number's"
    if not heard:
        return "never told"
    if heard[-1].when != stands.when:
        return f"told {heard[-1].when}, stands {stands.when}"
    if len({one.when for one in heard if one.at > written_at - CROSSING}) > 1:
        return "two times within a quarter of an hour"
    if not phone.asked(minute, written_at):
        return "nothing was asked"
    places = [one.place for one in heard if one.place]
    if places and places[-1] != stands.place:
        return f"told {places[-1]}, is at {stands.place}"
    if stands.state == "cancelled" and stands.cancelled_by != "patient":
        return "the clinic had cancelled"
    return "" if stands.ahead else "over"


def must_act(phone, stands, written_at):
    """Return the one appointment a plain digit has to count for: the only one, told one time and place only."""
    told = [minute for minute in phone.said if phone.heard(minute, written_at)]
    if len(told) != 1 or len(phone.said) != 1:
        return None
    heard = phone.heard(told[0], written_at)
    one_only = len({one.when for one in heard}) == 1 and not any(one.off for one in heard)
    return told[0] if one_only and not why_not(phone, told[0], stands[told[0]], written_at) else None
