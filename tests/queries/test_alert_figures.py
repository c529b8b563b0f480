"""The figures that alerts are judged by are what stands in the tables; each test makes one trouble real."""

import pendulum
import pytest
from sqlalchemy import insert, update

from reminder_site.actions import alerts, heart, throttling
from reminder_site.db import transaction
from reminder_site.domain.alert_measures import Figures, Usual, readings
from reminder_site.domain.delivery import Pace
from reminder_site.models import Attempt, Clinic, Heartbeat, InboundMessage, Message, ProviderEvent, RefusedWebhook
from reminder_site.queries import alert_figures
from tests import factories
from tests.delivering import a_text
from tests.statements import statements, ways


def figures(now):
    return alert_figures.figures(host="here", disk=(0.5, None), now=now)


def read(now, measure, subject=""):
    reading = readings(figures(now), now)[measure][subject]
    return reading.value


def becomes(*ids, **columns):
    with transaction() as session:
        session.execute(update(Message).where(Message.id.in_(ids)).values(**columns))


def texted(at, *, clinic=None, count=1, first=0, **columns):
    """So many texts from patients."""
    given = {"from_e164": "+12125550100", "to": "+15005550006", "body": "x", "understood": "other", "received_at": at}
    clinic_id = clinic.id if clinic else None
    with transaction() as session:
        for number in range(first, first + count):
            session.add(InboundMessage(sid=f"SM{number:032x}", clinic_id=clinic_id, **given | columns))


def test_a_quiet_site_has_nothing_that_any_rule_minds(clinic, now):
    heart.beat(now=now)
    found = figures(now)
    assert found == Figures(is_open=True, beat_at=now, host="here", disk_free_ratio=0.5, clinics=found.clinics,
                            silent_seconds=found.silent_seconds)  # fmt: skip
    assert [(each.id, each.cap_used_ratio) for each in found.clinics] == [(clinic.public_id, 0.0)]


def test_a_worker_that_never_ran_is_silent_since_the_first_clinic_began(clinic, now):
    assert read(now.add(minutes=3), "beat_age_seconds") == 180
    heart.beat(now=now.add(minutes=2))
    assert read(now.add(minutes=3), "beat_age_seconds") == 60


def test_the_oldest_text_that_should_have_left(clinic, now):
    a_text(clinic, now)
    becomes(a_text(clinic, now), state="accepted", next_action_at=now.subtract(minutes=30))
    a_text(clinic, now, in_minutes=60)
    assert read(now.add(minutes=5), "oldest_due_seconds") == 300


def test_what_failed_in_the_last_hour_and_with_which_code(clinic, now):
    ids = [a_text(clinic, now) for _ in range(6)]
    becomes(*ids[:3], state="delivered", finished_at=now.subtract(minutes=10))
    becomes(*ids[3:5], state="undelivered", error_code=30007, finished_at=now.subtract(minutes=10))
    becomes(ids[5], state="failed", error_code=21211, finished_at=now.subtract(minutes=61))
    found = figures(now)
    assert (found.final, found.failed) == (5, 2)
    assert found.commonest == "30007 (The phone company filtered the text as unwanted)"


def test_texts_that_left_and_no_receipt_of_any(clinic, now):
    for number in range(3):
        becomes(a_text(clinic, now), state="sent", sid=f"SM{number:032x}", reaches_at=now.subtract(minutes=20))
    becomes(a_text(clinic, now), state="scheduled", sid="SM" + "9" * 32, reaches_at=now.add(minutes=20))
    assert read(now, "without_receipt") == 3
    with transaction() as session:
        session.execute(insert(ProviderEvent).values(sid="SM1", status="sent", error_code=0, received_at=now))
    assert read(now, "without_receipt") == 0


def test_silence_counts_opening_hours_since_the_last_text_of_a_patient(clinic, now):
    friday = now.subtract(days=3).set(hour=21)  # 5 pm in New York, an hour before closing
    texted(friday)
    becomes(a_text(clinic, now), state="delivered", finished_at=now.subtract(minutes=5))
    becomes(a_text(clinic, now), state="delivered", finished_at=friday.subtract(hours=1))
    found = figures(now)
    assert (found.arrived_since, found.silent_seconds) == (1, 2 * 3600)


def test_what_is_usual_is_counted_over_four_weeks(clinic, now):
    ids = [a_text(clinic, now) for _ in range(4)]
    becomes(*ids[:2], state="delivered", finished_at=now.subtract(days=27))
    becomes(ids[2], state="failed", finished_at=now.subtract(days=1))
    becomes(ids[3], state="delivered", finished_at=now.subtract(days=29))
    texted(now.subtract(days=2), count=2)
    usual = alert_figures.usual(now=now)
    assert usual == Usual(final=3, failed=1, arrived=2, replies=2, open_seconds=usual.open_seconds)
    alerts.look(found=Figures(), usual_at=None, now=now)
    assert figures(now).usual == usual


def test_webhooks_of_the_last_ten_minutes(clinic, now):
    rows = [(now, "signature", 2), (now.subtract(minutes=9), "signature", 1), (now, "form", 7)]
    rows += [(now.subtract(minutes=10), "signature", 50)]
    texted(now, count=2)
    texted(now.subtract(minutes=10), first=2)
    with transaction() as session:
        session.add_all(RefusedWebhook(at=at, door="status", reason=why, times=times) for at, why, times in rows)
        for number, minutes in enumerate((0, 9, 10)):
            at = now.subtract(minutes=minutes)
            session.add(ProviderEvent(sid=f"SM{number}", status="sent", error_code=0, received_at=at))
    found = figures(now)
    assert (found.taken, found.refused) == (4, 3)


def test_whatever_keeps_texts_from_leaving_counts_from_its_beginning(clinic, now):
    heart.beat(now=now)
    with transaction() as session:
        heart.open_circuit(session, "code 20003", now.subtract(minutes=3))
    assert (read(now, "stopped_seconds"), figures(now).stopped_why) == (180, "Twilio refuses the account")
    throttling.fall_silent(since=now.subtract(minutes=4), why="time-out", pace=Pace(), now=now)
    assert (read(now, "stopped_seconds"), figures(now).stopped_why) == (240, "Twilio does not answer")


@pytest.mark.parametrize(("asks", "seconds"), [("", 120), ("2 texts at Twilio are not known", 600)])
def test_a_hold_counts_once_it_asks_or_should_have_ended(clinic, now, asks, seconds):
    heart.beat(now=now)
    with transaction() as session:
        session.execute(update(Heartbeat).values(hold_since=now.subtract(minutes=10), hold_asks=asks))
    assert read(now, "stopped_seconds") == seconds


def test_unclear_texts_count_from_their_last_try(clinic, now):
    message_id = a_text(clinic, now)
    becomes(message_id, state="unknown", attempt_no=2)
    with transaction() as session:
        for number, ago in ((1, 90), (2, 31)):
            at = now.subtract(minutes=ago)
            given = {"token_hash": str(number), "process": "p", "route": "local", "intent_at": at}
            session.add(Attempt(message_id=message_id, attempt_no=number, **given))
    assert (read(now, "unclear"), read(now, "unclear_seconds")) == (1, 31 * 60)


def test_what_needs_a_person_and_what_waits_in_the_inbox(clinic, now):
    becomes(a_text(clinic, now), state="needs_review")
    texted(now.subtract(days=3).set(hour=21), clinic=clinic, needs_person=True)
    texted(now.subtract(days=9), clinic=clinic, first=1)
    texted(now.subtract(days=9), clinic=clinic, first=2, needs_person=True, handled_at=now)
    assert read(now, "needs_review") == 1
    assert read(now, "inbox_open_seconds", clinic.public_id) == 2 * 3600


def test_the_daily_limit_counts_the_day_at_the_clinic(clinic, now):
    oak = factories.a_clinic("Oak Clinic")
    with transaction() as session:
        session.execute(update(Clinic).values(daily_cap=4))
    ids = [a_text(clinic, now) for _ in range(5)]
    becomes(*ids[:3], reaches_at=now)
    becomes(ids[3], reaches_at=now.subtract(hours=10))  # 11 pm of the day before
    becomes(ids[4], reaches_at=now, kind="reply")
    becomes(a_text(clinic, now), waits_for="daily_limit", next_action_at=now.add(minutes=15))
    assert read(now, "cap_used_ratio", clinic.public_id) == 0.75
    assert [read(now, "cap_waiting", each.public_id) for each in (clinic, oak)] == [1, 0]


def test_a_backup_is_missed_only_where_one_was_made_or_the_site_is_live(clinic, now):
    assert "backup_age_seconds" not in readings(figures(now), now)
    heart.beat(now=now)
    with transaction() as session:
        session.execute(update(Heartbeat).values(backup_at=now.subtract(hours=4)))
    assert read(now, "backup_age_seconds") == 4 * 3600


@pytest.mark.parametrize(
    ("at", "is_open"),
    [("2026-11-02T13:00:01", True), ("2026-11-02T12:59:00", False), ("2026-11-26T15:00:00", False)],
    ids=["8 am", "before", "Thanksgiving"],
)
def test_it_is_open_while_some_clinic_is(clinic, now, at, is_open):
    assert figures(pendulum.parse(at, tz="UTC")).is_open == is_open


def test_a_look_reads_no_table_of_texts_as_a_whole(clinic, now):
    a_text(clinic, now)
    with statements() as sent:
        figures(now)
    of_texts = [one for one in sent if "message" in one[0]]
    scans = [way for way in ways(of_texts) if "SCAN message" in way]
    assert len(sent) <= 25 and scans == []
