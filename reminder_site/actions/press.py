"""What is checked before a press of the desk's sends a text: whether it may, and whether now. Shared steps."""

from datetime import datetime
from typing import Literal

import pendulum
from sqlalchemy.orm import Session

from reminder_site.domain import hand_written, spoken
from reminder_site.domain.refusals import CannotText, Refused
from reminder_site.domain.times import first_valid, to_local
from reminder_site.models import Clinic, Patient
from reminder_site.queries.plans import ground, texts_off_why

Hour = Literal["ask", "now", "opening"]  # what somebody said about a text in quiet hours; "ask": nothing yet


class AskedFirst(Refused):
    """Nothing was sent yet: the questions have to be answered. `opening` says when the text could leave instead."""

    def __init__(self, questions: list[str], opening: str = "", *, at_night: bool = False) -> None:
        super().__init__(" ".join(questions))
        self.questions, self.opening, self.at_night = questions, opening, at_night


def refuse(session: Session, patient: Patient) -> Clinic:
    """Return the clinic of a patient who may be texted; raises CannotText otherwise."""
    clinic = session.get_one(Clinic, patient.clinic_id)
    phone, flag, agreed = patient.phone_e164, patient.phone_flag, patient.agreed
    if off := texts_off_why(session, clinic, phone_e164=phone, phone_flag=flag, agreed=agreed):
        raise CannotText(f"This cannot be sent: {off}. Phone the patient instead.")
    return clinic


def leaves_at(
    session: Session,
    clinic: Clinic,
    hour: Hour,
    *,
    doubts: list[str],
    before: datetime | None = None,
    now: pendulum.DateTime,
) -> pendulum.DateTime:
    """Return when a text leaves that somebody wants to send now (UTC); raises AskedFirst.

    `doubts` are questions besides that of the hour, which have not been answered. The text is of use `before` a wall
    time at the clinic, if one is given.
    """
    base, local = ground(session, clinic.id), to_local(now, clinic.time_zone)
    asked = hand_written.hour_question(local, base.quiet, base.closed(local), before)
    opening = first_valid(asked.opening, clinic.time_zone)[0] if asked and asked.opening else None
    if doubts or (asked and hour == "ask"):
        words = spoken.day_and_clock(opening.local, local.date()) if opening else ""
        raise AskedFirst([*doubts, *([asked.words] if asked else [])], words, at_night=asked is not None)
    return opening.at if opening and hour == "opening" else now
