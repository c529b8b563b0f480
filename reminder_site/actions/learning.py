"""What an error code says about a number itself: opted out, or not one that can be texted. Kept before the code is.

A number's patients and appointments are locked before its texts: so this is a transaction of its own, made before the
one that writes down what became of the text. Whoever dies in between hears the code again from Twilio.
"""

import pendulum
from sqlalchemy import select
from sqlalchemy.orm import Session

from reminder_site.actions import opt_outs, outbox, patient_rows
from reminder_site.db import db, retried, transaction
from reminder_site.domain import codes
from reminder_site.domain.actor import TWILIO
from reminder_site.domain.codes import OPTED_OUT
from reminder_site.models import Message
from reminder_site.queries.plans import is_opted_out


def teaches(error_code: int | None) -> bool:
    """Say whether an error code tells something about the number, not only about the text."""
    return codes.of(error_code).whose in {"opted_out", "number"}


@retried
def learn(*, message_id: int, error_code: int | None, now: pendulum.DateTime) -> None:
    """Keep what an error code of Twilio's for a message says about the number; what is known changes nothing."""
    if not teaches(error_code):
        return
    asked = select(Message.to_e164, Message.sender).where(Message.id == message_id)
    to, sender = db.session.execute(asked).one()
    known = error_code == OPTED_OUT and is_opted_out(db.session(), to, sender)
    db.session.rollback()
    if known:
        return
    with transaction() as session:
        if error_code == OPTED_OUT:
            opt_outs.start(session, to, sender, word="", source="twilio", by=TWILIO, now=now)
        else:
            _nothing_reaches(session, to, sender, message_id, now)


def _nothing_reaches(session: Session, to: str, sender: str, message_id: int, now: pendulum.DateTime) -> None:
    """Mark a number's patients, and take back every other text to it; until somebody says that it is right after all.

    The text that taught it is left alone: its own answer, or its own receipt, ends it.
    """
    whose = [each for each in opt_outs.patients_of(session, to, sender) if not each.phone_flag]
    for patient in whose:
        patient.phone_flag = "unreachable"
        patient_rows.note(session, patient, "patient.unreachable", {}, by=TWILIO, now=now)
    session.flush()
    opt_outs.replan_coming(session, whose, by=TWILIO, now=now)
    outbox.unwant_number(session, to, sender, why="the number cannot be texted", besides=message_id, by=TWILIO, now=now)
