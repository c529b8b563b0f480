"""A change of settings touches what it names, at one clinic, and nothing beside it."""

from datetime import date
from functools import partial

import pytest
from sqlalchemy import select

from reminder_site.actions import clinics, offers, rules, templates
from reminder_site.actions.settings_guard import NotHere
from reminder_site.db import db, transaction
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.rules import Rule
from reminder_site.models import AppointmentType, Clinic, Clinician, ClosedDay, ReminderRule, Template
from tests import factories

EVE, NEW_YEAR = date(2026, 12, 24), date(2027, 1, 4)
OF_CLINICS = (AppointmentType, Clinician, ClosedDay, ReminderRule, Template)


@pytest.fixture
def elm_and_oak(clinic, now):
    """Two clinics with the same settings."""
    oak = factories.a_clinic("Oak Clinic")
    for place in (clinic, oak):
        of_place = {"clinic_id": place.id}
        wording = [Template(**of_place, kind=k, body="{{time}}", updated_at=now) for k in ("moved", "confirmation")]
        days = [ClosedDay(**of_place, closed_on=on, name="closed") for on in (EVE, NEW_YEAR)]
        people = [Clinician(**of_place, name=name) for name in ("Dr Lee", "Dr Ash")]
        kinds = [AppointmentType(**of_place, name=name, duration_minutes=30) for name in ("Check-up", "X-ray")]
        factories._keep(*wording, *days, *people, *kinds)
    return clinic, oak


def settings_of(place):
    """Every row of a clinic's settings, by table and number."""
    db.session.rollback()
    tables = {table.__tablename__: table.__table__.c.clinic_id for table in OF_CLINICS} | {
        "clinic": Clinic.__table__.c.id
    }
    rows = {}
    for name, column in tables.items():
        for row in db.session.execute(select(column.table).where(column == place.id)).mappings():
            rows[name, row["id"]] = dict(row)
    return rows


def first(table, place):
    """The public id of a clinic's first row in a table."""
    mine = select(table.public_id).where(table.clinic_id == place.id).order_by(table.id)
    return db.session.scalars(mine.limit(1)).one()


def version(place):
    return db.session.scalars(select(Clinic.version).where(Clinic.id == place.id)).one()


A_RULE = Rule("x", "Week before", "days_before", days=7, at=None, hours=None)
ACTS = {
    "closing on a day": (ClosedDay, 1, lambda elm: partial(clinics.close_on, closed_on=EVE, name="party")),
    "opening again on a day": (ClosedDay, 1, lambda elm: partial(clinics.open_again_on, closed_on=EVE)),
    "switching a rule": (
        ReminderRule, 1, lambda elm: partial(rules.switch_rule, rule=first(ReminderRule, elm), on=False)),
    "adding a rule": (ReminderRule, 1, lambda elm: partial(rules.add_rule, wanted=A_RULE)),
    "a wording": (Template, 1, lambda elm: partial(templates.change_template, kind="moved", body="x", version=1)),
    "a clinician": (
        Clinician, 1, lambda elm: partial(
            offers.change_clinician, clinician=first(Clinician, elm), name="Dr L", active=True, version=version(elm))),
    "a kind of appointment": (
        AppointmentType, 1, lambda elm: partial(
            offers.change_type, kind=first(AppointmentType, elm), name="Check", duration_minutes=20, active=True,
            version=version(elm))),
}  # fmt: skip


@pytest.mark.parametrize("act", ACTS)
def test_it_changes_one_row_and_the_clinics_own_and_nothing_of_another_clinic(elm_and_oak, now, act):
    elm, oak = elm_and_oak
    table, count, prepared = ACTS[act]
    do, before = prepared(elm), [settings_of(place) for place in (elm, oak)]
    do(clinic_id=elm.id, by=OPERATOR, now=now)
    after = [settings_of(place) for place in (elm, oak)]
    assert after[1] == before[1]
    keys = before[0].keys() | after[0].keys()
    changed = {key for key in keys if before[0].get(key) != after[0].get(key)}
    assert changed - {("clinic", elm.id)} and len(changed) == 1 + count
    assert {name for name, _ in changed} == {"clinic", table.__tablename__}


def test_a_day_that_only_another_clinic_is_closed_on_cannot_be_opened(elm_and_oak, now):
    elm, oak = elm_and_oak
    with transaction() as session:
        session.add(ClosedDay(clinic_id=oak.id, closed_on=date(2027, 2, 1), name="only Oak"))
    with pytest.raises(NotHere):
        clinics.open_again_on(clinic_id=elm.id, closed_on=date(2027, 2, 1), by=OPERATOR, now=now)


def test_rules_of_another_clinic_do_not_use_up_ones_own(elm_and_oak, now):
    elm, oak = elm_and_oak
    for place in (oak, elm):
        for _ in range(rules.MOST_RULES - 4):
            rules.add_rule(clinic_id=place.id, wanted=A_RULE, by=OPERATOR, now=now)
        with pytest.raises(rules.TooManyRules):
            rules.add_rule(clinic_id=place.id, wanted=A_RULE, by=OPERATOR, now=now)
