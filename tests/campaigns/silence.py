"""Not one receipt arrives: what became of every text is known all the same, ten minutes after its send time."""

import random
import time
from collections import Counter

from flask import current_app
from sqlalchemy import select

from reminder_site.actions.outbox import add_message
from reminder_site.db import db, transaction
from reminder_site.domain import message_state as states
from reminder_site.models import Message
from tests.campaigns import desk
from tests.campaigns.world import World

ENDS = ("delivered", "undelivered", "failed", "sent", "canceled")
# Hours ahead, and how many seconds carriers take for a step: the slow ones end after the first question, at 2 minutes.
GROUPS = ((0, 20), (1, 20), (2, 100))
ASKED_SECONDS = (120, 600)
A_SECOND = 1  # a clock that stands still is read up to half a second ahead, and steps back
QUIET_WITHIN_SECONDS = 300


def run(folder, *, seed=1, messages=1500, store="sqlite"):
    """Send texts that come to every end, with all callbacks lost; `wrong` must be empty 10 minutes after each."""
    with World(folder, seed=seed, store=store, web=False) as trial:
        start = trial.ask(desk.now).add(minutes=1)  # ahead, so that a clock that shows it has been set
        pick = random.Random(seed)
        ends = {n: pick.choice(ENDS if n % len(GROUPS) else ENDS[:4]) for n in range(messages)}
        _put_to(trial, start.add(seconds=A_SECOND), ends, pace=GROUPS[0][1])
        _wait(trial, start)
        trial.ask(put_in, clinic_id=trial.clinic_id, numbers=list(ends), start=start)
        _wait(trial, start)
        trial.ask(cancel_at_twilio, numbers=[n for n, end in ends.items() if end == "canceled"])
        wrong, known_after = [], Counter()
        for group, (hours, pace) in enumerate(GROUPS):
            texts = {n: end for n, end in ends.items() if n % len(GROUPS) == group}
            for seconds in (0, *ASKED_SECONDS):
                at = start.add(hours=hours, seconds=seconds + A_SECOND)
                _put_to(trial, at, ends, pace)
                _wait(trial, at)
                still_wrong = _wrong(trial, texts)
                known_after[f"{seconds} s"] += len(texts) - len(still_wrong)
                texts = {n: texts[n] for n in still_wrong}
            wrong += [(n, end, still_wrong[n]) for n, end in texts.items()]
        return {
            "seed": seed, "store": store, "messages": messages, "ends": dict(Counter(ends.values())), "wrong": wrong,
            "right_after": dict(known_after), "integrity": trial.ask(desk.integrity),
        }  # fmt: skip


def put_in(clinic_id, numbers, start):
    """Put the texts in the outbox, each group to be sent at its hour (at a desk)."""
    sender = current_app.extensions["settings"].twilio_messaging_service_sid
    with transaction() as session:
        for number in numbers:
            send_at = start.add(hours=GROUPS[number % len(GROUPS)][0])
            add_message(
                session, by=desk.ALICE, now=start, clinic_id=clinic_id, kind="notice", channel="sms",
                to_e164=_phone(number), dedupe_key=f"t:{number}", sender=sender,
                body=f"Elm Clinic: see you soon, {number}", send_at=send_at, useful_until=send_at.add(days=2),
            )  # fmt: skip


def cancel_at_twilio(numbers):
    """Cancel texts behind the site's back, as somebody with Twilio's own pages does (at a desk)."""
    phones = [_phone(number) for number in numbers]
    sids = db.session.scalars(select(Message.sid).where(Message.to_e164.in_(phones)).order_by(Message.id)).all()
    db.session.rollback()
    for sid in sids:
        current_app.extensions["sms"].cancel(sid)


def shown():
    """Return the SID and the state that the site shows for each number's first text, not its successor (at a desk)."""
    first = select(Message.to_e164, Message.sid, Message.state).where(Message.replaces_id.is_(None))
    return {to: (sid, state) for to, sid, state in db.session.execute(first)}


def _wrong(trial, texts):
    """Return what is shown of those that are not at Twilio, or not here, where they are to end."""
    here = trial.ask(shown)
    there = {one["sid"]: one["status"] for one in trial.tell("GET", "/_sandbox/messages")["messages"]}
    told = {n: (there[sid], state) for n in texts for sid, state in [here[_phone(n)]]}
    return {n: said for n, said in told.items() if said != (texts[n], states.STATE_OF[texts[n]])}


def _put_to(trial, moment, ends, pace):
    """Stop the clock at a moment, with every receipt lost and every carrier set to its end."""
    carrier = {_phone(n): {"status": end} for n, end in ends.items() if end != "canceled"}
    trial.faults(callbacks={"lost": 1.0}, carrier=carrier, pace_s=float(pace))
    trial.tell("PUT", "/_sandbox/clock", {"now": moment.isoformat(), "speed": 0})


def _wait(trial, moment):
    """Wait until the site has seen this moment and nothing is left to do in it."""
    ends = time.monotonic() + QUIET_WITHIN_SECONDS
    while time.monotonic() < ends:
        seen = trial.ask(desk.now) >= moment
        if seen and trial.tell("GET", "/_sandbox/idle")["idle"] and not trial.ask(busy):
            return
        time.sleep(0.1)
    raise AssertionError(f"seed {trial.seed}: not quiet after {QUIET_WITHIN_SECONDS} s: {trial.ask(desk.at_rest)}")


def busy():
    """Say how many texts are being seen to, or are due to be (at a desk)."""
    moment = desk.now()
    held = states.IN_FLIGHT | {states.LEASED, states.CANCELLING}
    due = (Message.next_action_at <= moment) | Message.state.in_(held) | (Message.lease_until > moment)
    return len(db.session.scalars(select(Message.id).where(due)).all())


def _phone(number):
    return f"+1{desk.NUMBERS_FROM + number}"
