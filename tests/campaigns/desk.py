"""What a campaign asks of the database, done by a process of its own: put texts in, take them back, read the ledger."""

import random

from flask import current_app
from flask_migrate import upgrade
from sqlalchemy import func, or_, select, text

from reminder_site.actions import audit, heart
from reminder_site.actions.outbox import add_message, unwant
from reminder_site.actions.receipts import token_hash
from reminder_site.actions.twins import SWEPT
from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.models import Attempt, Audit, Clinic, Message
from reminder_site.queries.throttle import throttle
from tests import factories

ALICE = Actor("staff", "Alice", 1)
OPEN = states.HELD_HERE | states.IN_FLIGHT | {states.CANCELLING, states.ACCEPTED, states.SENT}
SAME_NUMBER = 0.05
NUMBERS_FROM = 2_015_550_000


def now():
    """Return the present instant as the site sees it."""
    return current_app.extensions["clock"].now()


def open_clinic():
    """Make the tables and the one clinic."""
    upgrade(revision="head")
    return found_clinic()


def found_clinic():
    """Enter the one clinic: texts at any hour, as many as it likes."""
    with transaction() as session:
        clinic = Clinic(
            name="Elm Clinic", text_name="Elm Clinic", country="US", time_zone="America/New_York", hours={},
            daily_cap=10_000_000, created_at=now(),
        )  # fmt: skip
        session.add(clinic)
        session.flush()
        return clinic.id


def employ_alice():
    """Give the clinic its receptionist."""
    return factories.a_staff(db.session.scalars(select(Clinic)).one()).id


def seed(clinic_id, first, count, draw, spread):
    """Put `count` texts in the outbox, numbered from `first`; `spread` maps each kind to its share.

    Kinds: "now", "shortly" and "soon" (wait here for seconds), "scheduled" (Twilio keeps it for an hour or more).
    """
    pick = random.Random(f"{draw}-{first}")
    at, ids = now(), []
    sender = current_app.extensions["settings"].twilio_messaging_service_sid
    with transaction() as session:
        for number in range(first, first + count):
            kind = pick.choices(list(spread), weights=list(spread.values()))[0]
            send_at = at.add(seconds=_ahead_seconds(kind, pick))
            phone = number - 1 if pick.random() < SAME_NUMBER and number % 2 else number
            message = add_message(
                session, by=ALICE, now=at, clinic_id=clinic_id, kind="notice", channel="sms", dedupe_key=f"t:{number}",
                to_e164=f"+1{NUMBERS_FROM + phone}", sender=sender, body=f"Elm Clinic: see you soon, {draw}-{number}",
                send_at=send_at, useful_until=send_at.add(days=2),
            )  # fmt: skip
            ids.append(message.id)
    return ids


def _ahead_seconds(kind, pick):
    first, last = {"now": (0, 0), "shortly": (1, 2), "soon": (1, 8), "scheduled": (3600, 5400)}[kind]
    return pick.randint(first, last)


def sweeps_at():
    """Return the moment at which most texts are due for their orphan sweep, and none of them has left yet."""
    last, first_leaves = db.session.execute(select(func.max(Message.next_action_at), func.min(Message.send_at)).where(
        Message.state.in_(SWEPT), Message.ever_unknown, Message.send_at > now(),
    )).one()  # fmt: skip
    return max(now(), min(last, first_leaves.subtract(minutes=1)))


def hours_to_come():
    """Return when the texts that Twilio holds are to be sent, those included of which it may hold a twin."""
    held = Message.state == states.SCHEDULED, (Message.state == states.CANCELLED) & Message.ever_unknown
    return db.session.scalars(select(Message.send_at).where(or_(*held), Message.send_at > now())).all()


def to_be_polled():
    """Say how many texts have left without any word since, and without Twilio being asked for it."""
    left = Message.state == states.ACCEPTED, Message.polls == 0
    return db.session.scalar(select(func.count()).select_from(Message).where(*left))


def beat():
    """Let it look as if a worker had been there until now."""
    heart.beat(now=now())


def take_back(ids):
    """Cancel texts, as a receptionist would; return when that was stored."""
    with transaction() as session:
        unwant(session, ids, why="cancelled by Alice", by=ALICE, now=now())
    return now()


def at_rest():
    """Say how far it is to quiet: nothing waits, is on its way or is without its final receipt."""
    return _standing(Message.state.in_(OPEN) | (Message.state == states.SCHEDULED) & (Message.send_at <= now()))


def handed_over():
    """Say how far it is until every text is at Twilio for certain, whatever becomes of it there."""
    return _standing(Message.state.in_(states.HELD_HERE | states.IN_FLIGHT | {states.CANCELLING}))


def _standing(open_now):
    at, stopped = now(), throttle()
    each = select(Message.state, func.count(), func.min(Message.next_action_at), func.max(Message.next_action_at))
    found = db.session.execute(each.where(open_now).group_by(Message.state)).all()
    return {
        "now": at,
        "open": {state: count for state, count, _, _ in found},
        "looks": {state: (first, last) for state, _, first, last in found if first},
        "silent_until": stopped.probe_at if stopped.down_since else None,
    }


def looks_before(moment):
    """Say how many looks at texts are due before a moment."""
    return db.session.scalar(select(func.count()).where(Message.next_action_at <= moment))


def waiting():
    """Say how many texts any worker could take up now."""
    due = Message.state == states.PENDING, Message.next_action_at <= now()
    return db.session.scalar(select(func.count()).select_from(Message).where(*due))


def ledger():
    """Return what the site believes of every text."""
    columns = ("id", "body", "state", "wanted", "sid", "state_why", "attempt_no", "send_at", "handed_at", "created_at",
               "next_action_at", "useful_until", "ever_unknown")  # fmt: skip
    found = db.session.execute(select(*(getattr(Message, name) for name in columns)).order_by(Message.id))
    rows = [dict(zip(columns, row, strict=True)) for row in found]
    return [row | {"due_at": max(row["send_at"], row["created_at"])} for row in rows]


def attempts():
    """Return how many attempts there were to create a text."""
    return db.session.scalar(select(func.count()).select_from(Attempt))


def unrecorded(callbacks):
    """Return how many of these callback addresses, one for each text, name no attempt of ours."""
    known = set(db.session.scalars(select(Attempt.token_hash)))
    return sum(token_hash(address.partition("#")[0].rpartition("/")[2]) not in known for address in callbacks)


def integrity():
    """Check the database's own structure (SQLite) and the audit chain; "ok" or what is wrong."""
    if db.engine.dialect.name == "sqlite":
        found = db.session.scalar(text("PRAGMA integrity_check"))
        if found != "ok":
            return found
    previous, expected = audit.GENESIS, 0
    key = current_app.extensions["settings"].keys("audit")[0]
    for row in db.session.scalars(select(Audit).order_by(Audit.id)).yield_per(1000):
        expected += 1
        entry = {name: getattr(row, name) for name in ("at", "actor", "what", "clinic_id", "subject", "facts")}
        if row.id != expected or row.hash != audit.seal(previous, row.id, entry, key):
            return f"the audit chain breaks at row {expected}"
        previous = row.hash
    return "ok"
