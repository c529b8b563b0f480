"""That the site's keys were changed, written down in the chain that they seal."""

import pendulum

from reminder_site.actions import audit
from reminder_site.db import retried, transaction
from reminder_site.domain.actor import Actor


@retried
def note_step(*, step: str, key_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Note a step of a change of keys ("prepared", "switched", "retired") and the key that it is about.

    Once a key is noted as retired, no later entry may be sealed with it (domain.audit_seal).
    """
    with transaction() as session:
        audit.record(session, actor=by, what=f"key.{step}", clinic_id=None, subject="keys", facts={"key_id": key_id},
                     now=now)  # fmt: skip
