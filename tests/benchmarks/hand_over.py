"""Texts that fall due in the same second: how fast they leave, how late, and what each costs."""

from sqlalchemy import func, insert, select

from reminder_site.db import db, transaction
from reminder_site.models import Message
from tests.benchmarks.measure import Row, Spread, memory_mb, plain, spending
from tests.campaigns import desk

CPU_MS = {0: 1.0, 100: 1.5}
PER_SECOND = {0: 1000, 100: 600}
BROADCAST_PER_SECOND = {64: 600, 200: 1400}
LATE_P99, LATE_MOST, MEMORY_MB = 2, 3, 150
PROMISED_SECONDS, PROMISED_SHARE = 10, 0.999


def run(site, scale):
    """Measure at no delay at Twilio and at 100 ms."""
    return [row for latency_ms in CPU_MS for row in _due(site, scale, latency_ms)]


def broadcast(site, scale):
    """Measure many texts at 100 ms: only the handing over, for the site has no broadcasts yet."""
    in_flight = site.place.texts_in_flight
    goal = BROADCAST_PER_SECOND[in_flight]
    texts = _hand_over(site, scale.broadcast, 100, scale.ahead_seconds)
    what = f"{scale.broadcast:,} texts at 100 ms, {in_flight} in flight"
    return [
        Row(what, "from the first one due to the last one taken", f"{plain(texts.per_second)}/s", f"≥ {goal}/s",
            texts.per_second >= goal),
        Row(f"{what}: memory of the worker", "PSS at the end", f"{plain(texts.memory_mb)} MB", f"≤ {MEMORY_MB} MB",
            texts.memory_mb <= MEMORY_MB),
        _promise(what, texts.late),
    ]  # fmt: skip


def _due(site, scale, latency_ms):
    texts = _hand_over(site, scale.texts, latency_ms, scale.ahead_seconds)
    what = f"{scale.texts:,} texts due in the same second, Twilio at {latency_ms} ms"
    p99, most = texts.late.at(99) / 1000, texts.late.at(100) / 1000
    yield Row(f"{what}: CPU a text", "the worker's process times, from due to recorded",
              f"{texts.cpu_ms:.2f} ms", f"≤ {CPU_MS[latency_ms]} ms", texts.cpu_ms <= CPU_MS[latency_ms])  # fmt: skip
    yield Row(f"{what}: rate", "64 in flight, from due to the last one recorded", f"{plain(texts.per_second)}/s",
              f"≥ {PER_SECOND[latency_ms]}/s", texts.per_second >= PER_SECOND[latency_ms])  # fmt: skip
    yield Row(f"{what}: lateness", "handed over, less due, as the ledger has it", f"p99 {plain(p99)} s, most "
              f"{plain(most)} s", f"p99 ≤ {LATE_P99} s, most ≤ {LATE_MOST} s",
              p99 <= LATE_P99 and most <= LATE_MOST)  # fmt: skip
    yield _promise(what, texts.late)


def _promise(what, late):
    share = late.share_within(PROMISED_SECONDS)
    goal = f"{100 * PROMISED_SHARE} % (promise 5)"
    return Row(
        f"{what}: within {PROMISED_SECONDS} s", "as above", f"{100 * share:.1f} %", goal, share >= PROMISED_SHARE
    )


class _Texts:
    """What came of one round."""

    def __init__(self, spent, late, memory):
        count = len(late)
        self.cpu_ms = 1000 * spent.cpu / count
        self.late, self.memory_mb = Spread(late), memory
        self.per_second = count / max(late)


def _hand_over(site, count, latency_ms, ahead_seconds):
    site.faults(latency_ms=latency_ms, callbacks={"lost": 1.0})
    with site.working() as worker, spending(worker) as spent:
        first, last = site.ask(due_together, clinic_id=site.clinic_id, count=count, in_seconds=ahead_seconds)
        site.until(lambda: site.ask(handed, first=first, last=last) == count, within_seconds=60 + count / 10)
        memory = memory_mb(worker)
    return _Texts(spent, site.ask(lateness, first=first, last=last), memory)


def due_together(clinic_id, count, in_seconds):
    """Put texts in the outbox that all fall due at one moment; return the lowest and the highest id (at a desk)."""
    at = desk.now()
    due = at.add(seconds=in_seconds)
    with transaction() as session:
        start = session.scalar(select(func.max(Message.id))) or 0
        session.execute(insert(Message), [_text(start + n, clinic_id, at, due) for n in range(1, count + 1)])
        ids = session.execute(select(func.min(Message.id), func.max(Message.id)).where(Message.send_at == due)).one()
    return tuple(ids)


def handed(first, last):
    """Count the texts that Twilio has (at a desk)."""
    found = db.session.scalar(select(func.count(Message.handed_at)).where(Message.id.between(first, last)))
    db.session.rollback()
    return found


def lateness(first, last):
    """Return by how many seconds each text was late (at a desk)."""
    texts = select(Message.handed_at, Message.send_at).where(Message.id.between(first, last))
    rows = db.session.execute(texts.order_by(Message.id))
    return [(handed_at - send_at).total_seconds() for handed_at, send_at in rows]


def _text(number, clinic_id, at, due):
    return {
        "clinic_id": clinic_id, "kind": "notice", "dedupe_key": f"due:{number}",
        "to_e164": f"+1{desk.NUMBERS_FROM + number}", "sender": "MG" + "5a" * 16,
        "body": f"Elm Clinic: see you soon, {number}", "send_at": due,
        "useful_until": due.add(days=2), "next_action_at": due, "created_at": at,
    }  # fmt: skip
