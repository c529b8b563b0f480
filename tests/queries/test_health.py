"""What is late and what is next, and what of it whom is told."""

import pytest
from sqlalchemy import update

from reminder_site.actions import heart
from reminder_site.db import transaction
from reminder_site.models import Heartbeat, InboundMessage, Message
from reminder_site.queries import banners, health, parked
from reminder_site.queries.delivery import next_action_at, orphan_sweep_is_due
from tests.delivering import a_text, now_as

ZONE = "America/New_York"


def due(clinic, now, **columns):
    """A text that is to be looked at at a moment."""
    message_id = a_text(clinic, now, in_minutes=60)
    if columns:
        with transaction() as session:
            session.execute(update(Message).where(Message.id == message_id).values(**columns))
    return message_id


def test_overdue_is_what_should_have_been_looked_at_a_minute_ago_and_next_is_what_comes_first(clinic, now):
    minute = health.OVERDUE_SECONDS
    for at in (now.subtract(seconds=minute), now, now.add(minutes=9), now.add(minutes=5), None):
        due(clinic, now, next_action_at=at)
    found = health.pulse(now=now)
    assert (found.overdue, found.overdue_since, found.next_at) == (0, None, now.add(minutes=5))
    late = [now.subtract(seconds=minute + seconds) for seconds in (1, 7)]
    for at in late:
        due(clinic, now, next_action_at=at)
    found = health.pulse(now=now)
    assert (found.overdue, found.overdue_since) == (2, late[1])


def test_the_worker_is_told_of_the_next_text_that_nobody_has_taken_up(clinic, now):
    assert next_action_at() is None
    due(clinic, now, next_action_at=now.add(minutes=1), lease_until=now.add(minutes=2))
    due(clinic, now, next_action_at=None)
    due(clinic, now, next_action_at=now.add(minutes=7))
    due(clinic, now, next_action_at=now.add(minutes=5))
    assert next_action_at() == now.add(minutes=5)


def test_twins_are_looked_for_forty_minutes_before_a_text_that_was_once_unclear(clinic, now):
    unclear, clear = due(clinic, now, ever_unknown=True), due(clinic, now)
    at = now_as(unclear).send_at.subtract(minutes=40)
    for moment, is_due in ((at.subtract(seconds=1), False), (at, True)):
        assert [orphan_sweep_is_due(each, now=moment) for each in (unclear, clear)] == [is_due, False]


@pytest.mark.parametrize(("role", "told"), [("reception", False), ("manager", True), ("administrator", True)])
def test_only_who_can_put_it_right_hears_of_texts_that_stand_differently(clinic, now, role, told):
    with transaction() as session:
        session.add(Heartbeat(id=1, beat_at=now, clock_skew_seconds=0, drift_count=2))
    asked = {"clinic_id": clinic.id, "zone": ZONE, "checks": health.checks(now=now), "now": now}
    words = [banner.words for banner in banners.banners(role=role, **asked)]
    assert any("2 texts stand differently" in each for each in words) is told


def test_parked_texts_are_counted_at_their_own_clinic(clinic, oak, now):
    for place in (clinic, oak, oak):
        due(place, now, state="needs_review")
    due(clinic, now)
    assert (parked.count(clinic.id, now=now), parked.count(oak.id, now=now)) == (1, 2)


def test_of_what_is_well_nobody_is_told(clinic, now):
    with transaction() as session:
        session.add(Heartbeat(id=1, beat_at=now, clock_skew_seconds=0))
    asked = {"clinic_id": clinic.id, "zone": ZONE, "checks": health.checks(now=now), "now": now}
    assert banners.banners(role="administrator", **asked) == []


def test_texts_that_only_the_list_brought_are_told_and_a_list_that_is_not_read_is_a_trouble(clinic, now):
    def inbound(minutes):
        with transaction() as session:
            session.execute(update(Heartbeat).values(inbound_read_to=now.subtract(minutes=minutes)))
        return health.checks(now=now)["inbound"]

    heart.beat(now=now)
    assert inbound(minutes=15).status == "ok"
    assert (inbound(minutes=16).status, inbound(minutes=16).since) == ("degraded", now.subtract(minutes=16))
    with transaction() as session:
        session.add(InboundMessage(sid="SM1", from_e164="+12125550142", to="+15005550006", body="1",
                                   understood="confirm", received_at=now, found_at=now))  # fmt: skip
    assert "1 text of patients came in by Twilio's list only" in inbound(minutes=1).words
