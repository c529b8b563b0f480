"""What an error code says about a number itself: opted out, or not one that can be texted. Kept before the code is.

A number's patients and appointments are locked before its texts: so this is a transaction of its own, made before the
one that writes down what became of the text. Whoever dies in between hears the code again from Twilio.
"""

import pendulum
from sqlalchemy import select, update

from reminder_site.actions import locks, opt_outs
from reminder_site.db import db, retried, transaction
from reminder_site.domain import codes
from reminder_site.domain.actor import TWILIO
from reminder_site.domain.codes import OPTED_OUT
from reminder_site.models import Message, Patient
from reminder_site.queries.plans import is_opted_out


def teaches(error_code: int | None) -> bool:
    """Say whether an error code tells something about the number, not only about the text."""
    return codes.of(error_code).whose in {"opted_out", "number"}


@retried
def learn(*, message_id: int, error_code: int | None, now: pendulum.DateTime) -> None:
    """Keep what an error code of Twilio's for a message says about the number; what is known changes nothing."""
    if not teaches(error_code):
        return
    asked = select(Message.to_e164, Message.sender, Message.patient_id).where(Message.id == message_id)
    to, sender, patient_id = db.session.execute(asked).one()
    known = error_code == OPTED_OUT and is_opted_out(db.session(), to, sender)
    db.session.rollback()
    if known:
        return
    with transaction() as session:
        if error_code == OPTED_OUT:
            opt_outs.start(session, to, sender, word="", source="twilio", by=TWILIO, now=now)
        elif patient_id is not None and locks.patients(session, Patient.id == patient_id, Patient.phone_e164 == to):
            session.execute(update(Patient).where(Patient.id == patient_id).values(phone_flag="unreachable"))
