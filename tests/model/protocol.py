"""The delivery protocol as an explicit-state model: every order of events of two workers, one text and Twilio.

Time is abstract: `quiet_for` is the newest attempt whose quiescence has passed, which is also when a worker that was
paused over it finds its fence closed. A text Twilio has made shows in its list at once or only at the second look.
While the lists are not to be had an unclear text may be parked; one that nobody here knows yet may be cancelled there.
A rule named in `without` is taken away; the checker must then find a run that breaks a promise.
"""

from dataclasses import dataclass, replace

RULES = ("fence", "quiescence", "second_read", "recheck", "in_flight", "parked_followed", "live_first")
MAX_ATTEMPTS = 2


@dataclass(frozen=True)
class Process:
    """A worker's own memory: where it is with which attempt."""

    at: str = "idle"  # idle, leased, intent, wire, answered
    attempt: int = 0


@dataclass(frozen=True)
class Text:
    """A text at Twilio: made by one attempt, seen in the list or not yet, live or cancelled."""

    attempt: int
    listed: bool
    live: bool = True


@dataclass(frozen=True)
class World:
    """Everything there is: the row, the workers, Twilio, and who has been told what."""

    row: str = "pending"
    attempt: int = 0
    wanted: bool = True
    quiet_for: int = 0
    reads: int = 0
    owned: int = 0
    texts: tuple[Text, ...] = ()
    workers: tuple[Process, ...] = (Process(), Process())
    told_cancelled: bool = False
    crashes: int = 0
    left_unwanted: bool = False
    cancelled_there: bool = False

    @property
    def quiet(self):
        """Whether the quiescence after the present attempt's intent has passed."""
        return self.quiet_for >= self.attempt

    def worker(self, number, **changes):
        """Return the world with one worker changed."""
        workers = list(self.workers)
        workers[number] = replace(workers[number], **changes)
        return replace(self, workers=tuple(workers))


def successors(world, without=frozenset()):
    """Yield every world that one event leads to."""
    for number, process in enumerate(world.workers):
        yield from _worker_events(world, number, process, without)
        if process.at != "idle" and world.crashes < 2:
            yield replace(world.worker(number, at="idle", attempt=0), crashes=world.crashes + 1)
    yield from _user_events(world)
    yield from _time_events(world, without)
    yield from _resolver_events(world, without)
    yield from _others_events(world)


def _worker_events(world, number, process, without):
    if process.at == "idle" and world.row == "pending" and world.attempt < MAX_ATTEMPTS:
        yield replace(world, row="leased").worker(number, at="leased")
    elif process.at == "leased":
        yield from _intent(world, number, without)
    elif process.at == "intent":
        late = process.attempt <= world.quiet_for
        if late and "fence" not in without:
            yield world.worker(number, at="idle", attempt=0)
        else:
            yield world.worker(number, at="wire")
    elif process.at == "wire":
        yield from _on_the_wire(world, number, process)
    elif process.at == "answered":
        yield _record(world, number, process)


def _intent(world, number, without):
    gone = world.worker(number, at="idle")
    if world.row != "leased" and not ("in_flight" in without and world.row == "submitting"):
        yield gone
    elif not world.wanted and "recheck" not in without:
        yield replace(gone, row="cancelled", told_cancelled=True)
    elif world.attempt < MAX_ATTEMPTS:
        attempt = world.attempt + 1
        begun = replace(world, row="submitting", attempt=attempt, reads=0, left_unwanted=not world.wanted)
        yield begun.worker(number, at="intent", attempt=attempt)


def _on_the_wire(world, number, process):
    for listed in (True, False):
        made = replace(world, texts=(*world.texts, Text(process.attempt, listed)))
        yield made.worker(number, at="answered")
        yield made.worker(number, at="idle", attempt=0)  # made, and the answer lost
    yield world.worker(number, at="idle", attempt=0)  # lost on the way, nothing made


def _record(world, number, process):
    done = world.worker(number, at="idle", attempt=0)
    current = process.attempt == world.attempt
    if world.row in {"submitting", "unknown"} and current:
        return _taken(done, process.attempt)
    return done


def _taken(world, attempt):
    return replace(world, row="scheduled" if world.wanted else "cancelling", owned=attempt)


def _user_events(world):
    if not world.wanted:
        return
    after = replace(world, wanted=False)
    if world.row == "pending":
        after = replace(after, row="cancelled", told_cancelled=True)
    elif world.row == "scheduled":
        after = replace(after, row="cancelling")
    yield after


def _time_events(world, without):
    if world.row == "leased":
        yield replace(world, row="pending")  # the lease lapsed
    if world.row in {"submitting", "unknown"} and not world.quiet:
        # What is on the wire arrives or is lost before quiescence: that is how the times are chosen.
        if not any(p.at == "wire" for p in world.workers):
            yield replace(world, row="unknown", quiet_for=world.attempt)
        if "quiescence" in without:
            yield replace(world, row="unknown")
    if world.row == "cancelling":
        texts = tuple(replace(t, live=False) if t.attempt == world.owned else t for t in world.texts)
        yield replace(world, texts=texts, row="cancelled", told_cancelled=True)


def _resolver_events(world, without):
    if world.row == "parked" and "parked_followed" in without:
        return
    if world.row not in {"unknown", "parked"} or not (world.quiet or "quiescence" in without):
        return
    if world.row == "unknown":
        yield replace(world, row="parked")  # the lists fail for as long as the text is of use
    shown = [t for t in world.texts if t.attempt != world.owned and (t.listed or world.reads >= 1)]
    alive = [t for t in shown if t.live]
    if "live_first" not in without:
        shown = alive or ([] if world.wanted or world.attempt > 1 else shown)
    if shown:
        yield _taken(world, shown[0].attempt)
    elif world.reads + 1 >= (1 if "second_read" in without else 2):
        yield _absent(world)
    else:
        yield replace(world, reads=world.reads + 1)


def _absent(world):
    if world.row == "parked" and not world.wanted:
        return replace(world, row="cancelled", reads=0, told_cancelled=True)
    return replace(world, row="pending", reads=0)


def _others_events(world):
    known = {world.owned, *(process.attempt for process in world.workers if process.at == "answered")}
    for number, text in enumerate(world.texts):
        if text.live and text.attempt not in known and not world.cancelled_there:
            texts = (*world.texts[:number], replace(text, live=False), *world.texts[number + 1 :])
            yield replace(world, texts=texts, cancelled_there=True)


def broken_promise(world):
    """Say which promise a world breaks, or None."""
    live = [t for t in world.texts if t.live]
    if len(live) > 1:
        return "the patient is texted twice"
    if world.told_cancelled and live and world.row == "cancelled":
        return "said to be cancelled, and yet live"
    if world.left_unwanted:
        return "a text sets out that nobody wants"
    if world.row == "scheduled" and not any(t.live for t in world.texts if t.attempt == world.owned):
        return "said to be scheduled, and will never be sent"
    return None


def dead_end(world, onward):
    """Say whether a parked text stays so whatever happens."""
    return world.row == "parked" and all((w.row, w.reads) == (world.row, world.reads) for w in onward)


def explore(without=frozenset()):
    """Visit every world that can be; return how many there are, and the first broken promise with its path."""
    start = World()
    before = {start: None}
    waiting = [start]
    while waiting:
        world = waiting.pop()
        if broken := broken_promise(world):
            return len(before), broken, _path(before, world)
        onward = list(successors(world, without))
        if dead_end(world, onward):
            return len(before), "what leads to a person leads nowhere", _path(before, world)
        for following in onward:
            if following not in before:
                before[following] = world
                waiting.append(following)
    return len(before), None, []


def stuck(without=frozenset()):
    """Return the worlds in which a wanted text is neither at Twilio nor on its way, and nothing can happen."""
    seen, waiting, found = {World()}, [World()], []
    while waiting:
        world = waiting.pop()
        onward = [w for w in successors(world, without) if w != world]
        lost = world.wanted and world.row not in {"scheduled"} and world.attempt < MAX_ATTEMPTS
        if lost and all(w.wanted is False or w.crashes > world.crashes for w in onward):
            found.append(world)
        for following in onward:
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return found


def _path(before, world):
    path = [world]
    while before[path[-1]] is not None:
        path.append(before[path[-1]])
    return path[::-1]
