"""The wording of a clinic's texts. The door asks domain.wording.check first; what is planned follows a change."""

import pendulum
from sqlalchemy import select, update

from reminder_site.actions.outbox import rows
from reminder_site.actions.settings_guard import NotHere, SettingsChanged, note, plans_follow
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.wording import DEFAULT_TEMPLATES, WITHOUT_LINK
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


@retried
def take_in_links(*, clinic_id: int, by: Actor, now: pendulum.DateTime) -> list[str]:
    """Put the patient's link into the texts that ask and still have the site's wording from before there was one.

    Returns the kinds that were changed; wording of the clinic's own stays as it is.
    """
    changed = []
    with transaction() as session:
        plans_follow(session, clinic_id)
        for kind, before in WITHOUT_LINK.items():
            there = Template.clinic_id == clinic_id, Template.kind == kind, Template.body == before
            fresh = {"body": DEFAULT_TEMPLATES[kind], "updated_at": now, "updated_by_id": by.staff_id}
            if rows(session.execute(update(Template).where(*there).values(**fresh, version=Template.version + 1))):
                changed.append(kind)
        note(session, clinic_id, "template.links", ", ".join(changed), {}, by=by, now=now)
    return changed
