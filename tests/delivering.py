"""Texts on their way, for tests: put one in the outbox, set Twilio's troubles, look at both sides."""

import base64
import hashlib
import hmac
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

from sqlalchemy import select
from werkzeug.serving import make_server

from reminder_site.actions.outbox import add_message, unwant
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Attempt, Heartbeat, Message, MessageEvent
from reminder_site.queries.delivery import next_action_at
from reminder_site.queries.throttle import throttle
from reminder_site.sandbox.identity import ACCOUNT_SID, AUTH_TOKEN, MESSAGING_SERVICE_SID

numbers = count(2_125_550_100)
keys = count(1)
SILENT = {"callbacks": {"lost": 1.0}}


def a_text(clinic, now, *, in_minutes=0, useful_minutes=120, **columns):
    """One text in the outbox, to be sent so many minutes from now."""
    send_at = now.add(minutes=in_minutes)
    columns = {
        "kind": "reminder",
        "dedupe_key": f"test:{next(keys)}",
        "to_e164": f"+1{next(numbers)}",
        "sender": MESSAGING_SERVICE_SID,
        "body": "Elm Clinic: see you on Friday.",
        "send_at": send_at,
        "useful_until": send_at.add(minutes=useful_minutes),
    } | columns
    with transaction() as session:
        return add_message(session, by=OPERATOR, now=now, clinic_id=clinic.id, **columns).id


def now_as(message_id):
    """The message as it stands in the database now."""
    db.session.rollback()
    return db.session.get(Message, message_id, populate_existing=True)


def history(message_id):
    """What its history says, oldest first."""
    db.session.rollback()
    lines = select(MessageEvent.words).where(MessageEvent.message_id == message_id).order_by(MessageEvent.id)
    return list(db.session.scalars(lines))


def attempts(message_id):
    """The outcomes of its attempts, in order."""
    db.session.rollback()
    made = select(Attempt.outcome).where(Attempt.message_id == message_id).order_by(Attempt.attempt_no)
    return list(db.session.scalars(made))


def heart():
    """The heartbeat row."""
    db.session.rollback()
    return db.session.get(Heartbeat, 1, populate_existing=True)


def slowed_at():
    """When all texts were last slowed down."""
    db.session.rollback()
    return throttle().slowed_at


def at_twilio(sandbox, to=None):
    """What the sandbox holds, oldest first; for one number if one is given."""
    where, values = ("AND recipient = ?", [to]) if to else ("", [])
    return sandbox.exchange.store.messages(f"WHERE direction = 'outbound-api' {where} ORDER BY id", *values)


def trouble(sandbox, *rules, **more):
    """Set the switchboard: rules are (kind, how often) or whole dicts; callbacks are lost unless said otherwise."""
    built = [rule if isinstance(rule, dict) else {"kind": rule[0], "next": rule[1]} for rule in rules]
    sandbox.exchange.faults.put({"rules": built} | SILENT | more)


def carry_on(worker, clock, *, minutes, step_seconds=15):
    """Let time pass as it does for a running worker: a look every few seconds while something is due.

    When nothing is, a look every minute, on long ways every third: less than what counts as having been away.
    """
    rest_seconds = 60 if minutes <= 10 else 180
    for step in range(int(minutes * 60 / step_seconds)):
        clock.forward(seconds=step_seconds)
        if (step + 1) * step_seconds % rest_seconds < step_seconds or _something_is_due(worker, clock.now()):
            worker.settle()


def _something_is_due(worker, now):
    next_at = next_action_at()
    return worker.safeguards.held or not throttle().is_free(now) or (next_at is not None and next_at <= now)


def take_back(message_id, now, why="the appointment was cancelled"):
    """Take one text back, as the plan does."""
    with transaction() as session:
        return unwant(session, [message_id], why=why, by=OPERATOR, now=now)


def arrive(sandbox):
    """Have the sandbox do all that is due and make its callbacks."""
    sandbox.exchange.dispatcher.run_due()
    ends = time.monotonic() + 20
    while not sandbox.exchange.idle():
        assert time.monotonic() < ends, "the sandbox's callbacks do not end"
        time.sleep(0.005)


def call_back(client, token, sid, status, error_code=None):
    """Post a status callback as Twilio does, signed."""
    form = {"AccountSid": ACCOUNT_SID, "MessageSid": sid, "MessageStatus": status}
    if error_code:
        form["ErrorCode"] = str(error_code)
    path = f"/webhooks/twilio/status/{token}"
    told = "http://localhost" + path + "".join(name + value for name, value in sorted(form.items()))
    signature = base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), told.encode(), hashlib.sha1)).decode()
    return client.post(path, data=form, headers={"X-Twilio-Signature": signature})


@contextmanager
def answering(app):
    """The site, answering on a loopback port of its own, which callbacks are sent to."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, public_base_url=f"http://127.0.0.1:{server.server_port}")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
        app.extensions["settings"] = before
