"""Receipts in any order, doubled, or never: whatever the weather, the state shown is the highest one that arrived."""

import random
import time
from collections import Counter

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from reminder_site.actions import receipts
from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.models import Attempt, Message
from tests.campaigns import desk
from tests.campaigns.clerks import several_desks
from tests.campaigns.world import World

PATHS = (
    ("accepted", "queued", "sending", "sent", "delivered"),
    ("accepted", "queued", "sending", "sent", "delivered", "read"),
    ("scheduled", "accepted", "queued", "sending", "sent", "undelivered"),
    ("scheduled", "queued", "sending", "failed"),
    ("scheduled", "canceled"),
    ("queued", "sent", "undelivered", "delivered"),
)
STARTS = {states.SUBMITTING: "", states.UNKNOWN: "", states.SCHEDULED: "scheduled", states.ACCEPTED: "accepted"}
MISSING = 0.15
BATCH, CLOSE_TOGETHER = 2000, 3


def run(folder, *, seed=1, messages=600, events=6_000, at_once=2, store="sqlite"):
    """Let so many receipts for so many texts come in, out of order, at several doors; `wrong` must be 0."""
    world = World(folder, seed=seed, store=store, workers=0, web=False)
    with world as trial, several_desks(trial, at_once) as doors:
        began, counts = time.monotonic(), Counter()
        for first in range(0, messages, BATCH):
            size = min(BATCH, messages - first)
            counts.update(_storm(trial, doors, first, size, events // messages, at_once))
        seconds = time.monotonic() - began
        return {
            "seed": seed, "store": store, **counts, "doors": at_once, "per_second": round(counts["events"] / seconds),
            "integrity": trial.ask(desk.integrity), "seconds": round(seconds, 1),
        }  # fmt: skip


def _storm(trial, doors, first, size, per, at_once):
    """Make texts in all states a receipt can find them in, let receipts rain on them, and compare."""
    pick = random.Random(f"{trial.seed}-{first}")
    paths = {number: pick.choice(PATHS) for number in range(first, first + size)}
    starts = {number: pick.choice(list(STARTS)) for number in paths}
    rain = _rain(paths, per, pick)
    trial.ask(texts_on_their_way, clinic_id=trial.clinic_id, starts=starts)
    errors = doors([(pour, {"rain": rain[door::at_once]}) for door in range(at_once)])
    highest = {number: STARTS[start] for number, start in starts.items()}
    for number, status in rain:
        highest[number] = max(highest[number], status, key=lambda s: states.RANK.get(s, -1))
    shown = trial.ask(as_shown, first=first, size=size)
    wrong = [number for number, status in highest.items() if shown[number] != (states.STATE_OF[status], status)]
    return {"messages": size, "events": len(rain), "wrong": len(wrong), "refused": sum(errors)}


def pour(rain):
    """Take every receipt in; return how many were refused and have to come again, as Twilio sends them (at a desk)."""
    refused = 0
    for number, status in rain:
        code = 30003 if status in {"undelivered", "failed"} else None
        receipt = {"token": _token(number), "sid": _sid(number), "status": status, "error_code": code}
        try:
            receipts.receive_status(**receipt, now=desk.now())
        except OperationalError:
            refused += 1
            db.session.rollback()
            receipts.receive_status(**receipt, now=desk.now())
    return refused


def as_shown(first, size):
    """Return the state and Twilio's status of each text (at a desk)."""
    keys = [f"storm:{number}" for number in range(first, first + size)]
    columns = select(Message.dedupe_key, Message.state, Message.provider_status).where(Message.dedupe_key.in_(keys))
    found = {row.dedupe_key: (row.state, row.provider_status) for row in db.session.execute(columns)}
    return {number: found[f"storm:{number}"] for number in range(first, first + size)}


def _rain(paths, per, pick):
    """Drop some receipts, repeat others, mix those of a handful of texts: they come close together, in any order."""
    arriving = {number: [s for s in path if pick.random() > MISSING] or [path[-1]] for number, path in paths.items()}
    rain, numbers = [], list(arriving)
    pick.shuffle(numbers)
    for start in range(0, len(numbers), CLOSE_TOGETHER):
        some = {number: arriving[number] for number in numbers[start : start + CLOSE_TOGETHER]}
        drops = [(number, pick.choice(there)) for number, there in some.items() for _ in range(per - len(there))]
        drops += [(number, status) for number, there in some.items() for status in there]
        pick.shuffle(drops)
        rain += drops
    return rain


def texts_on_their_way(clinic_id, starts):
    """Put texts on their way, in the state each is to start in (at a desk)."""
    at = desk.now()
    shared = {"clinic_id": clinic_id, "kind": "notice", "channel": "sms", "send_at": at, "useful_until": at.add(days=1)}
    with transaction() as session:
        rows = [_row(number, start, at) | shared for number, start in starts.items()]
        session.execute(Message.__table__.insert(), rows)
        keys = [row["dedupe_key"] for row in rows]
        found = dict(session.execute(select(Message.dedupe_key, Message.id).where(Message.dedupe_key.in_(keys))).all())
        ids = {number: found[f"storm:{number}"] for number in starts}
        attempts = [_attempt(number, ids[number], at) for number in starts]
        session.execute(Attempt.__table__.insert(), attempts)


def _row(number, state, at):
    status = STARTS[state]
    return {
        "dedupe_key": f"storm:{number}", "to_e164": f"+1{desk.NUMBERS_FROM + number}", "sender": "MG" + "5a" * 16,
        "body": f"Elm Clinic: storm {number}", "state": state, "sid": _sid(number) if status else None, "attempt_no": 1,
        "provider_status": status, "provider_rank": states.RANK.get(status, -1), "created_at": at, "next_action_at": at,
    }  # fmt: skip


def _attempt(number, message_id, at):
    return {
        "message_id": message_id, "attempt_no": 1, "token_hash": receipts.token_hash(_token(number)), "intent_at": at,
        "process": "storm", "route": "local", "outcome": "", "request_id": "",
    }  # fmt: skip


def _token(number):
    return f"{number:032x}"


def _sid(number):
    return f"SM{number:032x}"
