"""Alerts are judged by one process at a time, told once, and taken by somebody who may see them."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from reminder_site.actions import alerts
from reminder_site.config import Settings
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.alert_measures import Figures, OfClinic
from reminder_site.domain.refusals import NotHere
from reminder_site.models import Alert, AlertNotice, AlertWatch, Audit
from tests import factories

SILENT = {"beat_at": factories.MONDAY.subtract(minutes=10)}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BOSS = Actor("staff", "Mara", None)


@pytest.fixture(autouse=True)
def told(app):
    """A site that tells operators by mail, and a program by webhook."""
    before: Settings = app.extensions["settings"]
    ways = {"alert_mail_to": "ops@elm.example, night@elm.example", "alert_mail_from": "site@elm.example"}
    ways |= {
        "smtp_url": "smtp://127.0.0.1:9",
        "alert_webhook_url": "http://127.0.0.1:9/",
        "alert_webhook_secret": SECRET,
    }
    app.extensions["settings"] = replace(before, **ways)
    yield
    app.extensions["settings"] = before


def look(now, **found):
    """Judge one look at a site whose worker is silent, unless other figures are given."""
    given = {"beat_at": now, **(found or SILENT)}
    return alerts.look(found=Figures(**given), usual_at=now, now=now)


def fire(now, **found):
    """Have an alert fire: most have to be seen by two looks."""
    look(now.subtract(seconds=30), **found)
    return look(now, **found)


def the_alert():
    db.session.rollback()
    return db.session.scalars(select(Alert)).one()


def notices(way):
    db.session.rollback()
    return db.session.scalars(select(AlertNotice).where(AlertNotice.way == way).order_by(AlertNotice.id)).all()


def test_it_fires_with_the_second_look_and_everybody_is_told_once(clinic, now):
    assert [look(now.add(seconds=seconds)) for seconds in (0, 30, 60, 90)] == [0, 1, 0, 0]
    assert (the_alert().level, the_alert().firing_since) == ("page", now.add(seconds=30))
    assert [each.whom for each in notices("mail")] == [["ops@elm.example", "night@elm.example"]]
    assert len(notices("webhook")) == 1


def test_what_was_seen_once_leaves_nothing_behind(clinic, now):
    look(now)
    assert look(now.add(seconds=30), beat_at=now.add(seconds=20)) == 0
    assert db.session.scalar(select(func.count()).select_from(Alert)) == 0


def test_two_processes_that_judge_at_once_tell_once(app, clinic, now):
    look(now)
    begin, counted = threading.Barrier(2), []

    def judge():
        with app.app_context():
            begin.wait()
            counted.append(look(now.add(seconds=30)))
            db.session.remove()

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == [0, 1]
    assert (len(notices("mail")), len(notices("webhook"))) == (1, 1)


def test_it_is_told_again_every_four_hours_until_somebody_takes_it(clinic, now):
    fire(now)
    assert look(now.add(hours=3, minutes=59)) == 0
    assert look(now.add(hours=4)) == 1
    alerts.take(alert_id=the_alert().public_id, clinic_ids=[], by=BOSS, now=now.add(hours=5))
    assert look(now.add(hours=9)) == 0
    assert [each.about[0]["what"] for each in notices("mail")] == ["fired", "again"]
    assert the_alert().taken_at == now.add(hours=5)
    db.session.rollback()
    assert "alert.taken" in db.session.scalars(select(Audit.what)).all()


def test_it_is_over_once_it_was_well_for_five_minutes_and_may_fire_anew(clinic, now):
    fire(now)
    later = [now.add(seconds=60), now.add(seconds=330), now.add(seconds=360)]
    assert [look(at, beat_at=at) for at in later] == [0, 0, 1]
    assert the_alert().over_at == later[-1]
    assert notices("mail")[-1].about[0]["what"] == "over"
    fire(now.add(hours=1))
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Alert)) == 2


def test_a_graver_one_is_told_anew_though_somebody_had_taken_it(clinic, now):
    fire(now, skew_seconds=-40)
    alerts.take(alert_id=the_alert().public_id, clinic_ids=[], by=BOSS, now=now)
    assert look(now.add(seconds=30), skew_seconds=-400) == 1
    assert (the_alert().level, the_alert().taken_at) == ("page", None)


def test_several_at_once_are_one_mail_and_a_call_of_the_webhook_each(clinic, now):
    fire(now, skew_seconds=400, disk_free_ratio=0.01, host="one")
    assert [[told["rule"] for told in each.about] for each in notices("mail")] == [["clock_skew", "disk_filling"]]
    assert len(notices("webhook")) == 2


def test_a_clinics_own_alert_goes_to_its_managers_and_is_theirs_to_take(clinic, now):
    oak = factories.a_clinic("Oak Clinic")
    for name, of in (("Mara", clinic), ("Olga", oak)):
        factories.a_staff(of, name, "manager", email=f"{name.lower()}@trees.example")
    fire(now, clinics=(OfClinic(clinic.public_id, cap_used_ratio=0.9),))
    assert [each.whom for each in notices("mail")] == [["mara@trees.example"]]
    assert notices("mail")[0].about[0]["place"] == "Elm Clinic"
    with pytest.raises(NotHere):
        alerts.take(alert_id=the_alert().public_id, clinic_ids=[oak.id], by=BOSS, now=now)
    alerts.take(alert_id=the_alert().public_id, clinic_ids=[clinic.id], by=BOSS, now=now)


def test_what_nobody_measures_any_more_ends_without_a_word(clinic, now):
    fire(now, disk_free_ratio=0.01, host="gone")
    assert look(now.add(hours=23), host="here", disk_free_ratio=0.5) == 0
    assert the_alert().over_at is None
    assert look(now.add(hours=25), host="here", disk_free_ratio=0.5) == 0
    assert the_alert().over_at is not None


def test_what_is_usual_is_reckoned_once_an_hour(clinic, now):
    alerts.look(found=Figures(beat_at=now), usual_at=None, now=now)
    watch = db.session.get(AlertWatch, 1)
    # Four weeks without Columbus Day, and the clocks went back on the Sunday before.
    assert watch.usual_at == now and watch.usual["open_seconds"] == (19 * 10 - 1) * 3600
    alerts.look(found=Figures(beat_at=now), usual_at=now, now=now.add(minutes=59))
    db.session.rollback()
    assert db.session.get(AlertWatch, 1).usual_at == now


def test_the_dead_man_is_called_by_one_of_them_once_a_minute(clinic, now):
    calls = [alerts.claim_ping(now=now.add(seconds=seconds)) for seconds in (0, 1, 30, 60, 61)]
    assert calls == [True, False, False, True, False]


def test_a_test_is_confirmed_by_whoever_got_it(clinic, now):
    assert alerts.send_test(by=BOSS, now=now) == 2
    token = notices("mail")[0].about[0]["page"].rsplit("/", 1)[1]
    with pytest.raises(NotHere):
        alerts.confirm_test(token=f"{token}x", by=BOSS, now=now)
    alerts.confirm_test(token=token, by=BOSS, now=now.add(minutes=1))
    alerts.confirm_test(token=token, by=BOSS, now=now.add(minutes=2))
    assert notices("mail")[0].arrived_at == now.add(minutes=1)


def test_old_ones_are_forgotten(clinic, now):
    fire(now)
    with transaction() as session:
        session.execute(update(Alert).values(over_at=now))
    later = now.add(days=91)
    alerts.look(found=Figures(beat_at=later), usual_at=None, now=later)
    db.session.rollback()
    assert [db.session.scalar(select(func.count()).select_from(each)) for each in (Alert, AlertNotice)] == [0, 0]
