"""How long a clinic keeps texts, receipts and appointments. What is older goes in the night (actions.retention)."""

from dataclasses import asdict

import pendulum

from reminder_site.actions.settings_guard import changes, claim, note
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.retention import Keeping
from reminder_site.models import Clinic


@retried
def change_keeping(*, clinic_id: int, keeping: Keeping, version: int, by: Actor, now: pendulum.DateTime) -> None:
    """Change how long a clinic keeps what; raises SettingsChanged."""
    with transaction() as session:
        claim(session, clinic_id, version)
        clinic = session.get_one(Clinic, clinic_id)
        changed = changes(clinic, asdict(keeping))
        for name, value in changed.items():
            setattr(clinic, name, value)
        note(session, clinic_id, "retention.changed", clinic.public_id, changed, by=by, now=now)
