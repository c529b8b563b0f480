"""A clinic's reminder rules: change, add, or take a whole cadence. The door asks domain.rules.never_fires first."""

import secrets
from dataclasses import asdict, replace

import pendulum
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from reminder_site.actions.clinics import new_rule
from reminder_site.actions.settings_guard import NotHere, changes, claim, note, plans_follow
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.rules import DEFAULT_RULES, HOSPITAL_RULES, Rule
from reminder_site.models import ReminderRule

CADENCES = {"default": DEFAULT_RULES, "hospital": HOSPITAL_RULES}
MOST_RULES = 8


class TooManyRules(Exception):
    """A clinic has as many rules as anybody should want."""


@retried
def change_rule(*, clinic_id: int, rule: str, wanted: Rule, version: int, by: Actor, now: pendulum.DateTime) -> None:
    """Change a rule, by its public id; its key stays, planned texts know it. Raises NotHere, SettingsChanged."""
    with transaction() as session:
        claim(session, clinic_id, version)
        row = _find(session, clinic_id, rule)
        changed = changes(row, {**asdict(wanted), "key": row.key, "kind": row.kind})
        for name, value in changed.items():
            setattr(row, name, value)
        plans_follow(session, clinic_id)
        note(session, clinic_id, "rule.changed", rule, changed, by=by, now=now)


@retried
def add_rule(*, clinic_id: int, wanted: Rule, by: Actor, now: pendulum.DateTime) -> str:
    """Add a rule at the end and return its public id; raises TooManyRules."""
    with transaction() as session:
        claim(session, clinic_id, None)
        count = session.scalar(select(func.count()).select_from(ReminderRule).where(_of(clinic_id))) or 0
        if count >= MOST_RULES:
            raise TooManyRules
        last = session.scalar(select(func.max(ReminderRule.position)).where(_of(clinic_id))) or 0
        row = new_rule(clinic_id, last + 1, replace(wanted, key="r_" + secrets.token_hex(6)))
        session.add(row)
        session.flush()
        plans_follow(session, clinic_id)
        note(session, clinic_id, "rule.added", row.public_id, asdict(wanted), by=by, now=now)
        return row.public_id


@retried
def switch_rule(*, clinic_id: int, rule: str, on: bool, by: Actor, now: pendulum.DateTime) -> None:
    """Switch a rule on or off; raises NotHere."""
    with transaction() as session:
        claim(session, clinic_id, None)
        _find(session, clinic_id, rule).enabled = on
        plans_follow(session, clinic_id)
        note(session, clinic_id, "rule.switched", rule, {"enabled": on}, by=by, now=now)


@retried
def take_cadence(*, clinic_id: int, cadence: str, by: Actor, now: pendulum.DateTime) -> None:
    """Bring the rules of a ready-made cadence into force and switch every other one off; raises NotHere."""
    if cadence not in CADENCES:
        raise NotHere
    with transaction() as session:
        claim(session, clinic_id, None)
        there = {row.key: row for row in session.scalars(select(ReminderRule).where(_of(clinic_id)))}
        wanted = {rule.key: rule for rule in CADENCES[cadence]}
        for row in there.values():
            row.enabled = row.key in wanted and wanted[row.key].enabled
        for position, rule in enumerate(wanted.values()):
            if rule.key not in there:
                session.add(new_rule(clinic_id, len(there) + position, rule))
        plans_follow(session, clinic_id)
        note(session, clinic_id, "rules.cadence", cadence, {}, by=by, now=now)


def _find(session: Session, clinic_id: int, rule: str) -> ReminderRule:
    row = session.scalar(select(ReminderRule).where(_of(clinic_id), ReminderRule.public_id == rule))
    if row is None:
        raise NotHere
    return row


def _of(clinic_id: int) -> ColumnElement[bool]:
    return ReminderRule.clinic_id == clinic_id
