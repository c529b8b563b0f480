"""Whether one text that a worker has leased leaves now, and where it is put when it does not."""

import pendulum
import pytest
from sqlalchemy import select, update

from reminder_site.actions import intents
from reminder_site.db import transaction
from reminder_site.domain.delivery import Pace
from reminder_site.gateways.alarms import Alarms
from reminder_site.models import Appointment, Clinic, Message, OptOut
from tests import factories
from tests.delivering import a_text, attempts, now_as

ME = {"owner": "me", "process": "me", "pace": Pace(), "held": False}
PHONE = "+12125550142"
MIDNIGHT = pendulum.datetime(2026, 11, 2, 5, tz="UTC")  # at the clinic, nine hours before these tests begin
NIGHT = pendulum.datetime(2026, 11, 3, 3, tz="UTC")  # 10 pm there
ARRIVED = "accepted sent delivered read"
LEFT = f"{ARRIVED} undelivered failed"


def change(table, *which, **values):
    with transaction() as session:
        session.execute(update(table).where(*which).values(**values))


def decide(message_id, now, *, held=False, **lease):
    """Decide on a text as the worker that has leased it; return the text as it stands then."""
    mine = {"state": "leased", "lease_owner": "me", "lease_until": now.add(minutes=2)} | lease
    change(Message, Message.id == message_id, **mine)
    intents.intend(ids=[message_id], now=now, **ME | {"held": held})
    return now_as(message_id)


def put_off(message, now):
    """Why a text waits, and for how many seconds; nothing for one that has left."""
    if message.state == "submitting":
        return None
    assert message.state == "pending", message.state_why
    return message.waits_for, (message.next_action_at - now).total_seconds()


@pytest.mark.parametrize(
    "lease",
    [{"lease_owner": "you"}, {"lease_until": factories.MONDAY}, {"lease_until": None}, {"state": "pending"}],
    ids=["somebody else's", "over", "given back", "not leased"],
)
def test_a_text_that_is_not_leased_by_this_worker_is_left_alone(clinic, now, lease):
    message_id = a_text(clinic, now)
    version = now_as(message_id).version
    message = decide(message_id, now, **lease)
    assert (message.state, message.version) == (lease.get("state", "leased"), version)
    assert attempts(message_id) == []


def test_while_sending_is_on_hold_or_texting_is_off_a_text_waits(clinic, now):
    message_id = a_text(clinic, now)
    assert put_off(decide(message_id, now, held=True), now) == ("hold", 15)
    change(Clinic, texting_on=False)
    assert put_off(decide(message_id, now), now) == ("texting_off", 15 * 60)


@pytest.mark.parametrize(
    ("ended", "kind", "state"),
    [
        (False, "reminder", "suppressed"),
        (False, "reply", "suppressed"),
        (False, "stopped", "submitting"),
        (True, "reminder", "submitting"),
    ],
)
def test_an_opt_out_in_force_stops_all_but_its_own_acknowledgement(clinic, now, ended, kind, state):
    out = {"e164": PHONE, "source": "text", "started_at": now, "ended_at": now if ended else None}
    message_id = a_text(clinic, now, to_e164=PHONE, kind=kind)
    with transaction() as session:
        session.add(OptOut(sender=now_as(message_id).sender, **out))
    assert decide(message_id, now).state == state


@pytest.mark.parametrize(
    ("flag", "doubtful", "state"),
    [
        ("", False, "submitting"),
        ("unreachable", False, "cancelled"),
        ("unreachable", True, "submitting"),
        ("wrong_number", True, "cancelled"),
    ],
)
def test_a_flag_that_a_texts_own_answer_may_have_taught_does_not_stop_it(clinic, now, flag, doubtful, state):
    carol = factories.a_patient(clinic, phone_e164=PHONE, phone_flag=flag)
    message_id = a_text(clinic, now, to_e164=PHONE, patient_id=carol.id, ever_unknown=doubtful)
    assert decide(message_id, now).state == state


def test_a_text_of_another_time_of_its_appointment_does_not_leave(clinic, now):
    made = factories.an_appointment(clinic, factories.a_patient(clinic))
    with transaction() as session:
        message_id = session.scalar(select(Message.id).where(Message.appointment_id == made.id).limit(1))
    change(Appointment, round=made.round + 1)
    message = decide(message_id, now)
    assert (message.state, message.state_why) == ("cancelled", "cancelled: the appointment was moved")


def test_a_text_that_tells_another_time_than_stands_waits_to_be_written_anew(clinic, now):
    made = factories.an_appointment(clinic, factories.a_patient(clinic))
    with transaction() as session:
        message_id = session.scalar(select(Message.id).where(Message.appointment_id == made.id).limit(1))
    change(Message, send_at=now, told={"starts": "2026-11-19T09:00:00"})
    assert put_off(decide(message_id, now), now) == ("stale", 60)


@pytest.mark.parametrize(
    ("late_seconds", "useful_hours", "waits_hours"),
    [(599, 20, None), (600, 20, 10), (600, 10, None), (600, 9, None)],
)
def test_a_text_ten_minutes_late_waits_for_the_morning_if_it_is_of_use_then(
    clinic, late_seconds, useful_hours, waits_hours
):
    text = a_text(clinic, NIGHT.subtract(seconds=late_seconds), kind="notice")
    change(Message, useful_until=NIGHT.add(hours=useful_hours))
    waits = put_off(decide(text, NIGHT), NIGHT)
    assert waits == (waits_hours and ("quiet_hours", waits_hours * 3600))


@pytest.mark.parametrize(
    ("reaches", "columns", "counts"),
    [
        (MIDNIGHT, {}, True),
        (MIDNIGHT.subtract(seconds=1), {}, False),
        (MIDNIGHT.add(hours=24), {}, False),
        (MIDNIGHT.add(hours=24, seconds=-1), {}, True),
        (MIDNIGHT, {"kind": "reply"}, False),
    ],
)
def test_the_limit_of_a_day_counts_from_midnight_to_midnight(clinic, now, reaches, columns, counts):
    other = a_text(clinic, now, in_minutes=60, **columns)
    change(Message, Message.id == other, state="scheduled", reaches_at=reaches)
    change(Clinic, daily_cap=1)
    waits = put_off(decide(a_text(clinic, now), now), now)
    assert waits == (("daily_limit", 15 * 60) if counts else None)


def test_the_limit_of_a_day_is_each_clinics_own(clinic, now):
    oak = a_text(factories.a_clinic("Oak Clinic"), now)
    change(Message, Message.id == oak, state="scheduled", reaches_at=now)
    change(Clinic, daily_cap=1)
    assert put_off(decide(a_text(clinic, now), now), now) is None


@pytest.mark.parametrize(("state", "waits_for"), [("scheduled", "replaced"), ("delivered", "daily_limit")])
def test_on_a_full_day_only_a_text_that_can_be_asked_back_makes_way(clinic, now, state, waits_for):
    old = a_text(clinic, now, in_minutes=30)
    change(Message, Message.id == old, state=state, reaches_at=now.add(minutes=30), sid="SM1")
    change(Clinic, daily_cap=1)
    assert put_off(decide(a_text(clinic, now, replaces_id=old), now), now)[0] == waits_for


@pytest.mark.parametrize(
    ("old_states", "waits"),
    [
        ("scheduled cancelling submitting", ("replaced", 5)),
        ("unknown needs_review", ("replaced", 60)),
        (f"pending leased cancelled suppressed expired {LEFT}", None),
    ],
)
def test_a_text_waits_until_it_is_certain_that_the_one_it_replaces_does_not_leave(clinic, now, old_states, waits):
    for state in old_states.split():
        old = a_text(clinic, now, in_minutes=30)
        change(Message, Message.id == old, state=state, sid=f"SM{state}")
        new = a_text(clinic, now, replaces_id=old, body="Elm Clinic: it is at another time.")
        assert (state, put_off(decide(new, now), now)) == (state, waits)


@pytest.mark.parametrize(
    ("state", "then"),
    [(state, "cancelled") for state in ARRIVED.split()] + [("failed", "submitting"), ("undelivered", "submitting")],
)
def test_a_text_is_not_sent_when_the_one_it_replaces_has_arrived_and_says_the_same(clinic, now, state, then):
    told = {"starts": "2026-11-20T14:30:00"}
    old = a_text(clinic, now, told=told)
    change(Message, Message.id == old, state=state)
    assert decide(a_text(clinic, now, told=told, replaces_id=old), now).state == then


@pytest.mark.parametrize(
    ("state", "look_seconds", "waits_seconds"),
    [("submitting", 150, 0.3), ("unknown", 150, 150), ("unknown", 0, 0.3), ("unknown", None, 0.3)],
)
def test_while_a_number_has_a_text_on_the_wire_the_next_waits_until_that_is_looked_at(
    clinic, now, state, look_seconds, waits_seconds
):
    first, second, bystander = (a_text(clinic, now, to_e164=number) for number in (PHONE, PHONE, "+12125550143"))
    assert decide(first, now).state == "submitting"
    look_at = None if look_seconds is None else now.add(seconds=look_seconds)
    change(Message, Message.id == first, state=state, next_action_at=look_at)
    change(Message, Message.id == bystander, state="leased", lease_owner="me")
    assert put_off(decide(second, now), now) == ("", waits_seconds)
    assert now_as(bystander).state == "leased"


def test_of_several_at_once_one_that_replaces_another_is_left_to_be_decided_on_by_itself(clinic, now):
    old = a_text(clinic, now, in_minutes=30)
    ids = [a_text(clinic, now), a_text(clinic, now, replaces_id=old)]
    change(Message, Message.id.in_(ids), state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    assert set(intents.intend(ids=ids, now=now, **ME)) == {ids[0]}


def test_a_text_that_is_not_there_any_more_is_passed_by(clinic, now):
    assert intents.intend(ids=[99], now=now, **ME) == {}


def test_a_text_that_was_taken_back_on_its_way_is_cancelled(clinic, now):
    text = a_text(clinic, now, wanted=False, unwanted_why="the appointment was cancelled")
    message = decide(text, now)
    assert (message.state, message.state_why) == ("cancelled", "cancelled: the appointment was cancelled")


@pytest.mark.parametrize("columns", [{"state": "cancelled"}, {"lease_owner": "you"}])
def test_a_text_that_is_elsewhere_by_now_is_not_put_back_to_wait_for_another(clinic, now, columns):
    first, second = (a_text(clinic, now, to_e164=PHONE) for _ in range(2))
    assert decide(first, now).state == "submitting"
    stands = {"state": "leased", "lease_owner": "me", "next_action_at": now} | columns
    change(Message, Message.id == second, **stands)
    intents._wait_for_the_other(second, "me", now)
    assert (now_as(second).state, now_as(second).next_action_at) == (stands["state"], now)


@pytest.mark.parametrize("first_is", ["leased", "pending"])
def test_of_two_to_one_number_the_second_waits_for_the_first_if_that_leaves(clinic, now, monkeypatch, first_is):
    hints = []
    ids = [a_text(clinic, now, to_e164=PHONE) for _ in range(2)]
    change(Message, Message.id.in_(ids), state="leased", lease_owner="me", lease_until=now.add(minutes=2))
    change(Message, Message.id == ids[0], state=first_is)
    monkeypatch.setattr(Alarms, "in_seconds", lambda alarms, delay_seconds: hints.append(delay_seconds))
    decided = intents.intend(ids=ids, now=now, **ME)
    assert [decided[each] is not None for each in ids] == [first_is == "leased", first_is != "leased"]
    assert hints == [], "whoever decides looks again by itself"
