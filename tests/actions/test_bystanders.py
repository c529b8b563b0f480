"""What is done about one text changes no other that stands as it does, made before it or after."""

import pytest
from sqlalchemy import update

from reminder_site.actions import delivery, following, intents, receipts, resolving, twins
from reminder_site.db import transaction
from reminder_site.domain.actor import WORKER
from reminder_site.domain.delivery import Pace
from reminder_site.gateways.sms import SmsError
from reminder_site.models import Message
from tests.delivering import a_text, history, now_as, take_back

ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}


class Fails:
    """A way to Twilio on which every question goes wrong."""

    def fetch(self, sid):
        raise SmsError("Twilio answered 503", permanent=False)

    cancel = list_to = fetch


class Forgets:
    """A way to Twilio that knows no text."""

    def fetch(self, sid):
        return None

    def cancel(self, sid):
        raise SmsError("Twilio answered 20404", permanent=True, code=20404)

    def list_to(self, to):
        return []


class Cancels(Forgets):
    """A way to Twilio that cancels every text."""

    def cancel(self, sid):
        return None


def resolve(sms, quiet=True):
    return lambda message_id, now: resolving.resolve(message_id=message_id, sms=sms, quiet=quiet, pace=Pace(), now=now)


def ask(action, sms):
    return lambda message_id, now: action(message_id=message_id, sms=sms, now=now)


def status(message_id, now):
    receipts.take_over(message_id=message_id, status="delivered", error_code=None, by=WORKER, now=now)


def stumble(message_id, now):
    delivery.stumble(message_id=message_id, words="it cannot be read", now=now)


AT_TWILIO = {"sid": "SM{}", "next_action_at": None}
DEEDS = {
    "a cancel that fails": (ask(following.cancel, Fails()), "cancelling", AT_TWILIO),
    "a cancel of what is not there": (ask(following.cancel, Forgets()), "cancelling", AT_TWILIO),
    "a cancel": (ask(following.cancel, Cancels()), "cancelling", AT_TWILIO),
    "a question that fails": (ask(following.poll, Fails()), "accepted", AT_TWILIO),
    "a question about what is not there": (ask(following.poll, Forgets()), "scheduled", AT_TWILIO),
    "a question about what was sent": (ask(following.poll, Forgets()), "sent", AT_TWILIO),
    "a question about a parked text that fails": (ask(following.poll, Fails()), "needs_review", AT_TWILIO),
    "a question about a parked text": (ask(following.poll, Forgets()), "needs_review", AT_TWILIO),
    "a look for twins": (ask(twins.sweep_orphans, Forgets()), "scheduled", AT_TWILIO),
    "a look for twins that fails": (ask(twins.sweep_orphans, Fails()), "scheduled", AT_TWILIO),
    "a look": (resolve(Forgets()), "unknown", {}),
    "the second look": (resolve(Forgets()), "unknown", {"absent_reads": 1}),
    "the second look for one of no use": (resolve(Forgets()), "needs_review", {"absent_reads": 1, "late": True}),
    "a look for one that nobody wants": (resolve(Forgets()), "needs_review", {"absent_reads": 1, "wanted": False}),
    "a look too early": (resolve(Forgets(), quiet=False), "unknown", {}),
    "a look that fails": (resolve(Fails()), "unknown", {}),
    "a look that fails for one of no use": (resolve(Fails()), "unknown", {"late": True}),
    "a look for what nobody tried": (resolve(Forgets()), "unknown", {"attempt_no": 0}),
    "a status": (status, "accepted", AT_TWILIO),
    "a status of what waits here": (status, "pending", AT_TWILIO),
    "a stumble": (stumble, "unknown", {}),
    "the last stumble": (stumble, "scheduled", {"failures": 4}),
    "a withdrawal of what nobody can clear up": (take_back, "needs_review", {}),
    "a withdrawal": (take_back, "scheduled", AT_TWILIO),
}


def tried(clinic, now, number, state, columns):
    """A text that was handed over once and stands in a state since."""
    columns = dict(columns)
    message_id = a_text(clinic, now, in_minutes=60)
    lease = {"state": "leased", "lease_owner": "me", "lease_until": now.add(minutes=2), "local_only": False}
    stands(message_id, **lease)
    assert intents.intend(ids=[message_id], now=now, **ME)[message_id]
    if columns.pop("late", False):
        columns["useful_until"] = now
    if "sid" in columns:
        columns["sid"] = columns["sid"].format(f"{number:032x}")
    stands(message_id, **{"state": state, "ever_unknown": True, "next_action_at": now, **columns})
    return message_id


def stands(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(**columns))


def all_of(message_id):
    """All that is kept of a text, with its history."""
    message = now_as(message_id)
    return [getattr(message, name) for name in Message.metadata.tables["message"].c.keys()], history(message_id)


@pytest.mark.parametrize("name", DEEDS)
def test_what_is_done_about_one_text_changes_no_other(clinic, now, name):
    deed, state, columns = DEEDS[name]
    one, this, other = (tried(clinic, now, number, state, columns) for number in range(3))
    before = {each: all_of(each) for each in (one, this, other)}
    deed(this, now.add(minutes=5))
    assert [all_of(each) == before[each] for each in (one, this, other)] == [True, False, True]
