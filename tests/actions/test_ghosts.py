"""What Twilio would still send and a restored database does not know is nobody's to cancel but a person's."""

import pytest

from reminder_site.actions import backups, ghosts
from reminder_site.db import transaction
from reminder_site.domain import refusals
from reminder_site.domain.actor import OPERATOR
from reminder_site.models import Heartbeat
from tests import factories
from tests.actions.test_hold import a_copy, restored
from tests.delivering import a_text, at_twilio, call_back, carry_on, heart, now_as, trouble


@pytest.fixture
def gone_back(app, clinic, worker, clock, sandbox, tmp_path):
    """A worker on a database that does not know of one text which Twilio holds for in an hour."""
    trouble(sandbox)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    a_text(clinic, clock.now(), in_minutes=90)
    worker.settle()
    return restored(app, clock, made, tmp_path)


def held(sandbox):
    return [text.status for text in at_twilio(sandbox)]


def test_nothing_is_withdrawn_that_nobody_decided_about(gone_back, clock, sandbox):
    carry_on(gone_back, clock, minutes=10)
    assert held(sandbox) == ["scheduled"] and heart().hold_since is not None
    assert "would still send 1 text that this database does not know" in heart().hold_asks


@pytest.mark.parametrize(("answer", "status"), [("withdraw", "canceled"), ("keep", "scheduled")])
def test_the_hold_ends_as_it_was_decided(gone_back, clock, sandbox, answer, status):
    carry_on(gone_back, clock, minutes=6)
    ghosts.decide(answer=answer, by=OPERATOR, now=clock.now())
    carry_on(gone_back, clock, minutes=6)
    assert held(sandbox) == [status]
    assert (heart().hold_since, heart().hold_asks, heart().hold_answer) == (None, "", "")


def test_while_another_site_texts_nothing_is_withdrawn_whatever_was_decided(gone_back, clock, sandbox):
    ghosts.decide(answer="withdraw", by=OPERATOR, now=clock.now())
    later = clock.now().add(minutes=6).timestamp()
    sandbox.exchange.store.add(a_copy(at_twilio(sandbox)[0], sid="SM" + "c" * 32, created_at=later))
    clock.forward(minutes=7)
    carry_on(gone_back, clock, minutes=10)
    assert held(sandbox) == ["scheduled", "scheduled"] and "another site texts" in heart().hold_asks


def test_without_a_hold_there_is_nothing_to_decide(worker, clock):
    worker.settle()
    with pytest.raises(refusals.NotHere):
        ghosts.decide(answer="keep", by=OPERATOR, now=clock.now())


def test_a_rehearsal_touches_nothing(app, clinic, worker, clock, sandbox, tmp_path, client):
    trouble(sandbox)
    factories.a_staff(clinic)
    message_id = a_text(clinic, clock.now(), in_minutes=5)
    made = backups.back_up(folder=tmp_path, now=clock.now())
    a_text(clinic, clock.now(), in_minutes=90)
    worker.settle()
    fresh = restored(app, clock, made, tmp_path)
    backups.record_restore(manifest=made, rehearsal=True, by=OPERATOR, now=clock.now())
    carry_on(fresh, clock, minutes=20)
    assert held(sandbox) == ["scheduled"] and now_as(message_id).state == "pending"
    assert "This is a rehearsal" in client.get("/sign-in").text
    assert client.get("/healthz").json["checks"]["worker"]["words"] == "this is a rehearsal of a restore"


def test_a_rehearsal_takes_no_webhook(clinic, clock, worker, client, sandbox):
    worker.settle()
    token, sid = "a" * 32, "SM" + "a" * 32
    assert call_back(client, token, sid, "sent").status_code == 204
    with transaction() as session:
        session.get_one(Heartbeat, 1).rehearsal_since = clock.now()
    assert call_back(client, token, sid, "delivered").status_code == 503
