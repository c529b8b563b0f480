"""Whose a text at Twilio is: a cancelled copy proves nothing, and nobody is taken for somebody else's twin."""

import pytest
from sqlalchemy import update

from reminder_site.actions import reconciling
from reminder_site.actions.twins import sweep_orphans
from reminder_site.db import transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.models import Message
from reminder_site.worker import Worker
from tests.delivering import a_text, at_twilio, attempts, carry_on, heart, history, now_as, take_back, trouble

NO_LIST = {"kind": "html_503", "on": "list"}
SAME = {"to_e164": "+12125550142", "body": "Elm Clinic: see you on Friday."}


def set_to(message_id, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(lease_until=None, **columns))


def statuses(sandbox):
    return [text.status for text in at_twilio(sandbox)]


@pytest.fixture
def unclear(app, clinic, worker, clock, sandbox):
    """A text that Twilio took without saying so, its copy at Twilio cancelled by somebody; nobody has looked yet."""
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=120)
    worker.settle()
    app.extensions["sms"].cancel(at_twilio(sandbox)[0].sid)
    return message_id


def test_a_cancelled_copy_is_not_adopted_while_the_text_is_wanted(worker, clock, sandbox, unclear):
    carry_on(worker, clock, minutes=6)
    assert (now_as(unclear).state, attempts(unclear)) == ("scheduled", ["unknown", "created"])
    assert statuses(sandbox) == ["canceled", "scheduled"]


def test_a_cancelled_copy_is_not_adopted_beside_one_that_lives(app, worker, clock, sandbox, unclear):
    message = now_as(unclear)
    app.extensions["sms"].create(
        to=message.to_e164, body=message.body, sender=message.sender, callback_url="http://localhost/x",
        send_at=message.send_at,
    )  # fmt: skip
    take_back(unclear, clock.now())
    carry_on(worker, clock, minutes=6)
    assert now_as(unclear).sid == at_twilio(sandbox)[1].sid
    assert (now_as(unclear).state, statuses(sandbox)) == ("cancelled", ["canceled", "canceled"])


def test_a_cancelled_copy_is_the_proof_for_a_text_that_nobody_wants(worker, clock, sandbox, unclear):
    take_back(unclear, clock.now())
    carry_on(worker, clock, minutes=3)
    assert (now_as(unclear).state, now_as(unclear).sid) == ("cancelled", at_twilio(sandbox)[0].sid)


def test_a_cancelled_copy_of_the_first_attempt_proves_nothing_about_the_second(worker, clock, sandbox, unclear):
    trouble(sandbox, ("error_after", 1), list_staleness_s=200.0)
    while len(at_twilio(sandbox)) < 2:
        carry_on(worker, clock, minutes=0.25)
    take_back(unclear, clock.now())
    clock.forward(seconds=150)
    worker.settle()
    assert (now_as(unclear).state, now_as(unclear).absent_reads) == ("unknown", 1)
    carry_on(worker, clock, minutes=4)
    assert (now_as(unclear).state, statuses(sandbox)) == ("cancelled", ["canceled", "canceled"])


@pytest.fixture
def swept(clinic, worker, clock, sandbox):
    """A text that was unclear once and is scheduled now, before the sweep."""
    trouble(sandbox, ("error_after", 1))
    message_id = a_text(clinic, clock.now(), in_minutes=120, **SAME)
    worker.settle()
    carry_on(worker, clock, minutes=5)
    assert now_as(message_id).state == "scheduled"
    return message_id


def a_stranger(app, message, send_at):
    """A text with the words, number and sender of a message that nothing here made."""
    outcome = app.extensions["sms"].create(
        to=message.to_e164, body=message.body, sender=message.sender, callback_url="http://localhost/x", send_at=send_at
    )
    return outcome.sid


def test_a_text_made_at_another_time_is_no_twin_though_it_has_the_same_words(app, worker, clock, sandbox, swept):
    clock.forward(minutes=20)
    a_stranger(app, now_as(swept), now_as(swept).send_at)
    carry_on(worker, clock, minutes=60, step_seconds=60)
    assert statuses(sandbox) == ["scheduled", "scheduled"]
    assert not now_as(swept).ever_unknown


def parked_with_a_text(clinic, worker, clock, sandbox):
    """A parked text that Twilio has, with the words and number of another, made in the same minutes."""
    trouble(sandbox, ("error_after", 1), NO_LIST)
    message_id = a_text(clinic, clock.now(), in_minutes=121, **SAME)
    worker.settle()
    set_to(message_id, state="needs_review", next_action_at=clock.now().add(minutes=200))
    return message_id


def test_the_text_of_a_parked_message_is_not_swept_as_a_strangers(clinic, worker, clock, sandbox, swept):
    clock.forward(minutes=1)
    parked = parked_with_a_text(clinic, worker, clock, sandbox)
    trouble(sandbox)
    clock.forward(minutes=80)
    sweep_orphans(message_id=swept, sms=worker.sms, now=clock.now())
    assert (statuses(sandbox), now_as(swept).ever_unknown) == (["scheduled", "scheduled"], True)
    set_to(parked, next_action_at=clock.now())
    carry_on(worker, clock, minutes=5)
    assert (now_as(parked).state, now_as(parked).sid) == ("scheduled", at_twilio(sandbox)[1].sid)
    assert statuses(sandbox) == ["scheduled", "scheduled"]


def test_a_sweep_that_has_to_wait_ends_with_the_time_of_its_text(clinic, worker, clock, sandbox, swept):
    clock.forward(minutes=1)
    parked_with_a_text(clinic, worker, clock, sandbox)
    trouble(sandbox)
    sweep_orphans(message_id=swept, sms=worker.sms, now=now_as(swept).send_at.add(minutes=10))
    assert now_as(swept).ever_unknown is False
    assert now_as(swept).next_action_at == now_as(swept).send_at.add(minutes=10)


def test_the_text_of_a_parked_message_is_no_twin_to_whoever_compares(clinic, worker, clock, sandbox, swept):
    clock.forward(minutes=1)
    parked_with_a_text(clinic, worker, clock, sandbox)
    trouble(sandbox)
    clock.forward(minutes=11)
    found = reconciling.compare(sms=worker.sms, now=clock.now())
    assert [(each.kind, each.here) for each in found] == [("unknown here", "twin")]
    assert reconciling.put_right(difference=found[0], sms=worker.sms, by=OPERATOR, now=clock.now()) == ""
    assert statuses(sandbox) == ["scheduled", "scheduled"]


def test_a_text_made_at_another_time_is_no_twin_to_whoever_compares(app, worker, clock, sandbox, swept):
    clock.forward(minutes=20)
    a_stranger(app, now_as(swept), now_as(swept).send_at)
    clock.forward(minutes=11)
    (found,) = reconciling.compare(sms=worker.sms, now=clock.now())
    assert (found.kind, found.here) == ("unknown here", "")


def test_two_unclear_texts_with_the_same_words_find_one_text_each(app, clinic, worker, clock, sandbox):
    trouble(sandbox, ("error_after", 1), NO_LIST)
    first = a_text(clinic, clock.now(), in_minutes=120, **SAME)
    worker.settle()
    set_to(first, state="needs_review", next_action_at=clock.now().add(minutes=10))
    second = parked_with_a_text(clinic, worker, clock, sandbox)
    set_to(second, next_action_at=clock.now().add(minutes=10))
    trouble(sandbox)
    clock.forward(minutes=10)
    carry_on(worker, clock, minutes=8)
    assert [now_as(each).state for each in (first, second)] == ["scheduled", "scheduled"]
    assert {now_as(each).sid for each in (first, second)} == {text.sid for text in at_twilio(sandbox)}
    assert statuses(sandbox) == ["scheduled", "scheduled"]


def test_a_hold_adopts_the_text_of_a_parked_message(app, clinic, worker, clock, sandbox):
    worker.settle()
    parked = parked_with_a_text(clinic, worker, clock, sandbox)
    trouble(sandbox)
    DataFolder(app.extensions["settings"].data_path).keep_instance_id("another")
    clock.forward(seconds=30)
    carry_on(Worker(app, monotonic=clock.monotonic), clock, minutes=6)
    assert heart().hold_since is None
    assert (now_as(parked).state, statuses(sandbox)) == ("scheduled", ["scheduled"])
    assert "found at Twilio: it had been texted before" in history(parked)
