"""The wording of a clinic's texts. The door asks domain.wording.check first; what is planned follows a change."""

import pendulum
from sqlalchemy import select, update

from reminder_site.actions.outbox import rows
from reminder_site.actions.settings_guard import NotHere, SettingsChanged, note, plans_follow
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.wording import DEFAULT_TEMPLATES
from reminder_site.models import Template


@retried
def change_template(*, clinic_id: int, kind: str, body: str, version: int, by: Actor, now: pendulum.DateTime) -> None:
    """Change the wording of one kind of text; raises SettingsChanged, NotHere. `version` 0: never changed before."""
    if kind not in DEFAULT_TEMPLATES:
        raise NotHere
    fresh = {"body": body, "updated_at": now, "updated_by_id": by.staff_id}
    with transaction() as session:
        plans_follow(session, clinic_id)
        there = Template.clinic_id == clinic_id, Template.kind == kind
        if session.scalar(select(Template.id).where(*there)) is None and version == 0:
            session.add(Template(clinic_id=clinic_id, kind=kind, **fresh))
        else:
            newer = update(Template).where(*there, Template.version == version)
            if rows(session.execute(newer.values(**fresh, version=version + 1))) == 0:
                raise SettingsChanged
        note(session, clinic_id, "template.changed", kind, {"version": version + 1}, by=by, now=now)
