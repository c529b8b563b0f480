"""The judge of a chain: says in sentences what a phone was told wrongly, from what was done and what was heard. Pure.

Moments in a chain are ordered by a counter, `turn`: several things happen at the same time by the clock. It knows no
table: what stood at each turn was noted by the campaign when it was done, what was heard comes from the sandbox.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MARKS = {
    "still_on": "still on",
    "cancelled": "will not take place",
    "moved": "your new time is",
    "reminder_ask": "we expect you",
    "reminder_short": "see you",
    "confirmation": "your appointment is",
}
CORRECTS = {True: frozenset({"moved", "still_on", "confirmation"}), False: frozenset({"cancelled"})}
CALLED_FOR_BY = {
    "confirmation": frozenset({"move", "undo_move", "undo_cancel", "new_number"}),
    "moved": frozenset({"move", "undo_cancel"}),
    "cancelled": frozenset({"cancel"}),
    "still_on": frozenset({"undo_cancel"}),
}
WHEN = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2} \d{1,2}:(\d\d)[ap]m")
PLACE = re.compile(r"[ap]m, ([^.]+)\.")
FIRST_NAME = re.compile(r": (\w+), ")
NEAR = timedelta(hours=12)
LAST_MINUTE = timedelta(seconds=60)
LOOKED_FOR_WITHIN = timedelta(minutes=75)
UNSETTLED = frozenset({"pending", "leased", "submitting", "unknown", "scheduled", "cancelling"})
WAITING = UNSETTLED - {"cancelling"}


@dataclass(frozen=True)
class Standing:
    """How an appointment stood from a turn on; `silent`: the desk chose not to text about how it stands."""

    turn: int
    at: datetime
    what: str
    booked: bool
    time: str
    cancelled_by: str
    phone: str
    may_text: bool
    silent: bool


@dataclass(frozen=True)
class Heard:
    """A text that a phone got.

    `decided`: the turn at which the site decided on it; the same as `turn` where Twilio held it until then (`held`).
    `too_late`: the site says that it could not be called back any more. `blind_until`: the answer to its handing over
    was lost, and until then Twilio's list could not be read either.
    """

    turn: int
    decided: int
    at: datetime
    phone: str
    words: str
    held: bool
    too_late: bool = False
    blind_until: datetime | None = None

    @property
    def kind(self):
        """Name the kind of text by its words."""
        return kind_of(self.words)

    @property
    def time(self):
        """Return the day and time it names."""
        found = WHEN.search(self.words)
        return found.group() if found else ""

    @property
    def place(self):
        """Return the place it names: one that names another is news."""
        found = PLACE.search(self.words)
        return found.group(1) if found else ""

    @property
    def about(self):
        """Name the appointment: by the patient's first name and the minute, which no two of a patient's share."""
        name, when = FIRST_NAME.search(self.words), WHEN.search(self.words)
        return (name.group(1) if name else "", when.group(1) if when else "")


@dataclass(frozen=True)
class Press:
    """A person had a text sent at a turn; `planned_at` is when it would have left, None for one that was parked."""

    turn: int
    at: datetime
    about: tuple
    words: str
    planned_at: datetime | None


@dataclass(frozen=True)
class Row:
    """One text as the site tells of it at the end; `about` as Heard has it."""

    about: tuple
    words: str
    state: str
    wanted: bool
    sid: str | None
    send_at: datetime
    has_next_look: bool
    shown: bool

    @property
    def kind(self):
        """Name the kind of text by its words."""
        return kind_of(self.words)


@dataclass
class Story:
    """All that happened in one chain, as far as it is judged."""

    standings: dict = field(default_factory=dict)
    heard: list = field(default_factory=list)
    presses: list = field(default_factory=list)
    waived: dict = field(default_factory=dict)
    rows: list = field(default_factory=list)
    waiting_for_a_person: set = field(default_factory=set)
    scheduled: dict = field(default_factory=dict)
    errors: list = field(default_factory=list)
    ends_at: datetime | None = None
    starts_at: dict = field(default_factory=dict)


def judge(story):
    """Return what broke, each as (rule, sentence); nothing when every promise was kept."""
    found = [("f", f"something went wrong inside: {words}") for words in story.errors]
    found += [one for text in story.heard for one in _left_wrongly(story, text)]
    found += _twice(story)
    found += [one for about in story.standings for one in _last_heard(story, about)]
    return found + list(_leftovers(story))


def _left_wrongly(story, text):
    """Rules (b) and (e): as a text left it was true, allowed, and went to the patient's number."""
    standings = story.standings.get(text.about)
    if standings is None:
        yield "b", f"a text about no appointment of ours was heard: {text.words}"
        return
    stood = standing_at(standings, text.decided)
    for rule, wrong in _wrong_with(text, stood):
        since = _since(standings, stood, text, rule)
        if not _unavoidable(text, since):
            yield rule, f"{wrong}; it left at {_clock(text.at)}, {since.what} was at {_clock(since.at)}: {text.words}"


def _wrong_with(text, stood):
    if stood is None:
        yield "b", "a text left before there was an appointment"
        return
    if text.kind == "cancelled" and stood.booked:
        yield "b", "a text said that an appointment is cancelled which stands"
    elif text.kind != "cancelled" and not stood.booked:
        yield "b", f"a {text.kind} left about an appointment cancelled by the {stood.cancelled_by}"
    elif text.time != stood.time:
        yield "b", f"a {text.kind} named {text.time} when it was {stood.time}"
    if text.phone != stood.phone:
        yield "e", "a text went to a number that is not the patient's any more"
    elif not stood.may_text:
        yield "e", "a text left when none was allowed"


def _since(standings, stood, text, rule):
    """Find the change since which the text was wrong, without a break."""
    since = stood
    for earlier in reversed([s for s in standings if stood and s.turn <= stood.turn]):
        if not any(found == rule for found, _ in _wrong_with(text, earlier)):
            break
        since = earlier
    return since or Standing(0, text.at, "nothing", False, "", "", "", False, False)


def _unavoidable(text, since):
    """Twilio held it and it was too late to call it back, or nobody could know in time that Twilio held it."""
    if not text.held:
        return False
    if text.too_late and text.at - since.at <= LAST_MINUTE:
        return True
    known_at = max(since.at, text.blind_until) if text.blind_until else None
    return known_at is not None and text.at - known_at <= LOOKED_FOR_WITHIN


def _twice(story):
    """Rule (c): no two texts of one kind about one time and place within 12 hours, unless something called for it."""
    for place, second in enumerate(story.heard):
        for first in story.heard[:place]:
            alike = (first.about, first.kind, first.time, first.place, first.phone) == (
                second.about, second.kind, second.time, second.place, second.phone)  # fmt: skip
            if alike and second.at - first.at < NEAR and not _called_for(story, first, second):
                yield "c", f"heard twice, at {_clock(first.at)} and {_clock(second.at)}: {second.words}"


def _called_for(story, first, second):
    standings = story.standings.get(second.about, [])
    between = {s.what for s in standings if first.decided < s.turn <= second.decided}
    if between & (CALLED_FOR_BY.get(second.kind, frozenset({"move", "undo_move", "new_number"}))):
        return True
    pressed = [p for p in story.presses if p.about == second.about and p.turn <= second.decided]
    if any(p.planned_at is None for p in pressed):
        return True
    by = next((p for text in (second, first) for p in reversed(pressed) if _came_of(story, p, text)), None)
    return by is not None and not (by.planned_at in {first.at, second.at} and by.planned_at > by.at)


def _came_of(story, press, text):
    """Say whether a text is the one that a press had sent: the first of its kind that left after it, however late."""
    after = [one for one in story.heard if one.about == press.about and one.decided >= press.turn and not one.held]
    return next((one for one in after if one.kind == kind_of(press.words)), None) is text


def _last_heard(story, about):
    """Rule (a): the last text a phone heard about an appointment is true, or is still to be put right."""
    now = story.standings[about][-1]
    on_phone = [text for text in story.heard if text.about == about and text.phone == now.phone]
    if not on_phone or not now.may_text or now.silent or story.starts_at[about] <= story.ends_at:
        return
    last, said_off = on_phone[-1], on_phone[-1].kind == "cancelled"
    true = last.time == now.time and not said_off if now.booked else said_off or now.cancelled_by == "patient"
    changed = _unchanged_since(story.standings[about])
    decided_by_a_person = story.waived.get(about, 0) > changed or about in story.waiting_for_a_person
    planned = any(
        row.about == about and row.wanted and row.state in WAITING and row.kind in CORRECTS[now.booked]
        for row in story.rows
    )
    if not (true or planned or decided_by_a_person):
        stands = f"booked for {now.time}" if now.booked else "cancelled by the clinic"
        yield "a", f"it is {stands}, nothing is planned, nobody is told, and the last text said: {last.words}"


def _unchanged_since(standings):
    """Return the turn since which an appointment has stood as it stands at the end."""
    since = standings[-1]
    for earlier in reversed(standings):
        if (earlier.booked, earlier.time) != (since.booked, since.time):
            break
        since = earlier
    return since.turn


def _leftovers(story):
    """Rules (d) and (g): what Twilio holds is what we say and want, and every text has a next look or a person."""
    ours = {row.sid for row in story.rows if row.state == "scheduled" and row.wanted and row.send_at > story.ends_at}
    for sid in story.scheduled.keys() - ours:
        yield "d", f"Twilio holds what we do not know as held, or do not want: {story.scheduled[sid]}"
    for row in story.rows:
        if row.sid in ours and row.sid not in story.scheduled:
            yield "d", f"Twilio does not hold what we believe it does: {row.words}"
        if row.state in UNSETTLED:
            yield from _live_wrongly(row, story.standings.get(row.about))
        if row.state == "needs_review" and not row.shown:
            yield "g", f"parked, and shown to nobody: {row.words}"


def _live_wrongly(row, standings):
    if not row.wanted:
        yield "d", f"not wanted and still {row.state}: {row.words}"
    elif standings and standings[-1].booked == (row.kind == "cancelled"):
        stands = "an appointment that stands" if standings[-1].booked else "a cancelled appointment"
        yield "d", f"{row.state} for {stands}: {row.words}"
    if not row.has_next_look:
        yield "g", f"{row.state}, and nobody will ever look at it: {row.words}"


def kind_of(words):
    """Name the kind of a text."""
    return next((kind for kind, mark in MARKS.items() if mark in words), "other")


def standing_at(standings, turn):
    """Return how an appointment stood at a turn, None before there was one."""
    return next((s for s in reversed(standings) if s.turn <= turn), None)


def _clock(at):
    return f"{at:%a %d %H:%M:%S}"
