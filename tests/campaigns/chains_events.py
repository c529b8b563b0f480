"""What a chain is made of: events drawn from a seed beforehand, so that any can be left out and the rest stay as is.

Draws only; what an event does is in chains_deeds.
"""

import random
from dataclasses import dataclass
from datetime import datetime

PHONES = ("+12125550142", "+12125550143", "+12125550144")
MONDAY = datetime(2026, 11, 2)
DAYS, HOURS = (0, 0, 1, 1, 2, 3, 3, 4, 7, 9, 43), (9, 10, 11, 13, 14, 15, 16, 17)
WAITS = (45, 45, 100, 150, 150, 300, 1200, 7200, 26_000, 90_000, 180_000)
SHORT_WAITS = (100, 125, 150, 150, 240, 300)
LAST_SECONDS = (3, 4, 8, 12, 20, 20, 45, 58)
BEFORE_THE_NEXT = (5, 15, 20, 40, 58, 90)
KINDS_BEFORE = ("rate_limit_429", "reset_before", "error_before", "html_503")
KINDS_AFTER = ("reset_after", "error_after", "garbage_201", "truncated_201", "no_sid_201")
OUTAGE = 400  # requests: more than are made in a chain
WEIGHTS = {
    "in_flight": 14, "last_seconds": 8, "out_of_sight": 7, "wait": 18, "near": 6, "settle": 4, "fault": 8, "calm": 3,
    "move": 10, "undo_move": 4, "cancel": 8, "undo_cancel": 7, "text": 5, "link": 4, "undo_link": 2, "desk_answer": 2,
    "take_back": 3, "send_now": 6, "switch": 2, "consent": 2, "number": 2, "opt": 3, "settings": 6, "decide": 6,
}  # fmt: skip
ON_THE_WIRE = ("move", "cancel", "undo_move", "undo_cancel", "text", "switch", "number", "settings", "opt", "consent")
AT_THE_DESK = ("move", "move", "cancel", "cancel", "undo_move", "undo_cancel", "text", "link", "switch", "number")
SETTINGS = ("wording", "place", "rule_time", "rule_switch", "quiet", "cap", "texting")
OPENINGS = ((9, 0), (9, 0), (11, 30), (16, 40), (20, 50))


@dataclass(frozen=True)
class Event:
    """One thing done: its name, to which of the appointments (0 or 1), with which numbers, and on the wire or not."""

    name: str
    which: int = 0
    values: tuple = ()
    during: str = ""

    def __str__(self):
        wire = f" [{self.during} a call]" if self.during else ""
        return f"{self.name} {self.which} {self.values}{wire}"


@dataclass(frozen=True)
class Chain:
    """Everything one chain is made of."""

    seed: int
    begins: datetime
    families: str
    receipts_arrive: bool
    events: tuple
    quiet_seconds: int


def make_chain(seed):
    """Draw a chain."""
    draw = random.Random(seed)
    families = draw.choice(["", "", "", "", "", "", "", "", "shared phone", "two appointments"])
    opening = draw.choice(OPENINGS)
    events = [Event("book", 0, _values("book", draw))]
    if families:
        events.append(Event("book", 1, _values("book", draw)))
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    for _ in range(draw.randint(5, 14)):
        name = draw.choices(names, weights)[0]
        if name in SCENES:
            events += SCENES[name](draw, draw.randrange(2) if families else 0)
            continue
        during = draw.choice(["before", "after"]) if name in ON_THE_WIRE and draw.random() < 0.15 else ""
        which = draw.randrange(2) if families else 0
        events.append(Event(name, which, _values(name, draw), during))
    begins = MONDAY.replace(hour=opening[0], minute=opening[1])
    quiet_seconds = draw.choice([5400, 5400, 90_000, 260_000])
    return Chain(seed, begins, families, draw.random() < 0.5, tuple(events), quiet_seconds)


def _in_flight(draw, which):
    """Draw what gets a text into doubt: Twilio fails just when one is due, and what comes next finds it so."""
    kind = draw.choice([*KINDS_BEFORE, *KINDS_AFTER])
    yield Event("fault", 0, ("create", kind, draw.randint(1, 3), draw.choice(["", "", "", "list"])))
    yield Event("wait", 0, (draw.choice(SHORT_WAITS),))
    if draw.random() < 0.7:
        name = draw.choice(AT_THE_DESK)
        yield Event(name, which, _values(name, draw))


def _last_seconds(draw, which):
    """Draw what comes so late that Twilio may send a text while it is being asked back."""
    yield Event("near", 0, (draw.choice(LAST_SECONDS),))
    if draw.random() < 0.8:
        yield Event("fault", 0, ("update", draw.choice([*KINDS_BEFORE, "reset_after"]), draw.randint(1, 4), ""))
    name = draw.choice(["send_now"] * 6 + ["take_back", *AT_THE_DESK])
    next_one = name in {"send_now", "take_back"} and draw.random() < 0.8
    yield Event(name, which, (0,) if next_one else _values(name, draw))
    yield Event("wait", 0, (draw.choice(SHORT_WAITS),))


def _out_of_sight(draw, which):
    """Draw what nobody can clear up for an hour: a text without an answer, and lists that cannot be read."""
    yield Event("fault", 0, ("create", draw.choice([*KINDS_BEFORE[1:], *KINDS_AFTER]), 1, "list for long"))
    yield Event("wait", 0, (draw.choice((150, 150, 7200)),))
    for _ in range(draw.randint(0, 2)):
        name = draw.choice([*AT_THE_DESK, "settings"])
        yield Event(name, which, _values(name, draw))
    yield Event("wait", 0, (draw.choice((300, 7200)),))
    if draw.random() < 0.7:
        yield Event("decide", 0, _values("decide", draw))


SCENES = {"in_flight": _in_flight, "last_seconds": _last_seconds, "out_of_sight": _out_of_sight}


def _values(name, draw):
    makers = {
        "wait": lambda: (draw.choice(WAITS),),
        "near": lambda: (draw.choice(BEFORE_THE_NEXT),),
        "book": lambda: (draw.choice(DAYS), draw.choice(HOURS)),
        "move": lambda: (draw.choice(DAYS), draw.choice(HOURS), draw.random() < 0.8),
        "cancel": lambda: (draw.random() < 0.75,),
        "text": lambda: (draw.choice("1112233"),),
        "link": lambda: (draw.choice(["confirm", "change", "cannot_come"]),),
        "desk_answer": lambda: (draw.choice(["none", "confirmed", "change_wanted"]),),
        "take_back": lambda: (draw.randrange(4),),
        "send_now": lambda: (draw.randrange(4),),
        "switch": lambda: (draw.random() < 0.6,),
        "consent": lambda: (draw.choice(["", "spoken"]),),
        "number": lambda: (draw.randrange(len(PHONES)),),
        "opt": lambda: (draw.choice(["STOP", "START", "START", "START"]),),
        "settings": lambda: (draw.choice(SETTINGS), draw.randrange(4), draw.random() < 0.7),
        "decide": lambda: (draw.random() < 0.7, draw.randrange(3)),
        "fault": lambda: _fault(draw),
    }
    return makers.get(name, tuple)()


def _fault(draw):
    on = draw.choice(["create", "create", "create", "update", "fetch", "list"])
    kind = draw.choice([*KINDS_BEFORE, *(KINDS_AFTER if on in {"create", "update"} else ()), "slow_then_ok"])
    lasting = on == "list" and draw.random() < 0.3
    second = draw.random() < 0.25
    return (on, kind, OUTAGE if lasting else draw.randint(1, 3), "list" if second else "")
