"""Erases one patient: what is on its way is taken back first, then nothing here says any more who they were.

What was booked, sent and answered is still counted, the audit goes on naming a random id, and a number that said STOP
is kept so that it is never texted again. Twilio is asked to delete its copies afterwards (actions.redaction).
"""

import hashlib
import hmac
import logging
from dataclasses import dataclass
from typing import Any, Final

import pendulum
from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from reminder_site.actions import locks, outbox, patient_rows
from reminder_site.actions.appointment_rows import of_clinic
from reminder_site.actions.patients import PatientChanged
from reminder_site.actions.redaction import forget_at_twilio
from reminder_site.actions.retention_chores import UNNAMED, UNNAMED_ANSWER, drop_links
from reminder_site.config import settings
from reminder_site.db import after_commit, db, retried, transaction
from reminder_site.domain import message_state as states
from reminder_site.domain.actor import Actor
from reminder_site.domain.retention import ERASED, REASONS
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.models import Appointment, Clinic, Heartbeat, InboundMessage, KeptForm, Message, OptOut, Patient

log = logging.getLogger("reminder_site.erasing")
BATCH: Final = 20
LISTED_LATE_MINUTES: Final = 30  # a text may stand in Twilio's list only later
WAITING: Final = select(Patient.id).where(Patient.erasing).limit(BATCH)  # asked at every heartbeat
# Whatever somebody, or Twilio, may still have to be asked about keeps its number until that is done.
OVER: Final = and_(
    Message.next_action_at.is_(None),
    Message.state.in_(states.SETTLED | {states.SENT, states.ACCEPTED, states.NEEDS_REVIEW}),
)
NOBODY: Final[dict[str, Any]] = {
    "first_name": ERASED,
    "last_name": "",
    "search_name": "",
    "born_on": None,
    "phone_e164": "",
    "phone_flag": "",
    "language": "en",
    "reminders_on": False,
    "consent_how": "",
    "consent_at": None,
    "consent_by_id": None,
    "consent_wording": None,
    "time_zone": "",
}


@dataclass(frozen=True)
class Erased:
    """How many coming appointments were cancelled, and how many texts go once they have settled."""

    cancelled: int
    texts_left: int


@retried
def erase(
    *, clinic_id: int, patient_id: str, why: str, version: int | None = None, by: Actor, now: pendulum.DateTime
) -> Erased:
    """Erase a patient for good; `why` is one of domain.retention.REASONS, so that it can name nobody.

    Coming appointments are cancelled without a text. Raises PatientChanged unless `version` is the latest (None: any
    will do), NotHere, and ValueError for a reason that is none.
    """
    if why not in REASONS:
        raise ValueError("no such reason")
    with transaction() as session:
        _drop_kept_forms(session, clinic_id, patient_id)
        patient = of_clinic(session, Patient, clinic_id, patient_id)
        if version not in {None, patient.version}:
            raise PatientChanged("Somebody else changed this patient while you were looking.")
        number, alone = patient.phone_e164, not _shared(session, patient)
        session.execute(update(OptOut).where(OptOut.e164 == number).values(word=""))
        visits = locks.appointments(session, Appointment.patient_id == patient.id)
        cancelled = _cancel_coming(session, visits, now)
        outbox.unwant_patient(session, patient.id, why="the patient was erased", by=by, now=now)
        _tombstone(session, patient, visits, now)
        if alone and number:
            _claim_number(session, patient, number)
            patient.number_mark = _marks(number)[0]
        left = _unname(session, patient.id, now)
        session.execute(update(Patient).where(Patient.id == patient.id).values(erasing=left > 0))
        facts = {"why": why, "appointments": len(visits), "cancelled": cancelled, "texts_left": left}
        patient_rows.note(session, patient, "patient.erased", facts, by=by, now=now)
        after_commit(session, lambda: _list([patient_id]))
    return Erased(cancelled, left)


def carry_on(*, now: pendulum.DateTime) -> int:
    """Take number and words off texts of erased patients that have settled by now; returns how many are done."""
    waiting = db.session.scalars(WAITING).all()
    db.session.rollback()
    return sum(_finish(each, now) for each in waiting)


def forget_found(session: Session, row: InboundMessage, now: pendulum.DateTime) -> bool:
    """Take number and words off a text found late that an erased patient wrote before the erasing; say if it was one.

    Runs inside the caller's transaction; the text has been taken in.
    """
    theirs = Patient.number_mark.in_(_marks(row.from_e164)), Patient.erased_at >= row.received_at
    here = () if row.clinic_id is None else (Patient.clinic_id == row.clinic_id,)
    key = session.scalar(select(Patient.id).where(*theirs, *here).limit(1)) if row.patient_id is None else None
    if key is None:
        return False
    session.execute(update(OptOut).where(OptOut.e164 == row.from_e164).values(word=""))
    row.patient_id, row.redacted_at, row.handled_at = key, now, now
    for name, value in UNNAMED_ANSWER.items():
        setattr(row, name, value)
    forget_at_twilio(session, [row.sid], whole=True, now=now)
    return True


@retried
def forget_marks() -> None:
    """Drop the marks of erased patients' numbers once Twilio's list was read past the erasing."""
    with transaction() as session:
        read_to = session.scalar(select(Heartbeat.inbound_read_to).where(Heartbeat.id == 1))
        if read_to is not None:
            over = Patient.number_mark != "", Patient.erased_at < read_to.subtract(minutes=LISTED_LATE_MINUTES)
            for patient in locks.patients(session, *over):
                patient.number_mark = ""


def list_anew() -> None:
    """Write whom this database knows as erased into the data folder's list, where some are missing; raises OSError."""
    nobody = select(Clinic.nobody_id).where(Clinic.nobody_id.is_not(None))
    query = select(Patient.public_id).where(Patient.erased_at.is_not(None), Patient.id.not_in(nobody))
    erased = set(db.session.scalars(query))
    db.session.rollback()
    folder = DataFolder(settings().data_path)
    if missing := erased - set(folder.erased()):
        folder.note_erased(missing)


def again(*, erased: list[str], by: Actor, now: pendulum.DateTime) -> int:
    """Erase anew whoever a restored backup has brought back (`erased` are public ids); returns how many that were."""
    back = select(Patient.clinic_id, Patient.public_id).where(Patient.erased_at.is_(None))
    found = db.session.execute(back.where(Patient.public_id.in_(erased))).all()
    db.session.rollback()
    for clinic_id, public_id in found:
        erase(clinic_id=clinic_id, patient_id=public_id, why="restored", by=by, now=now)
    return len(found)


def _list(public_ids: list[str]) -> None:
    """Note erased patients in the data folder; where that fails, the worker does it later (list_anew)."""
    try:
        DataFolder(settings().data_path).note_erased(public_ids)
    except OSError as problem:
        log.warning("the list of erased patients could not be written and is written later: %s", problem)


@retried
def _finish(key: int, now: pendulum.DateTime) -> bool:
    with transaction() as session:
        if not locks.patients(session, Patient.id == key, Patient.erasing):
            return False
        left = _unname(session, key, now)
        if not left:
            session.execute(update(Patient).where(Patient.id == key).values(erasing=False))
        return not left


def _drop_kept_forms(session: Session, clinic_id: int, patient_id: str) -> None:
    """Drop forms kept for a moment that name the patient, whoever had typed them."""
    who = select(Patient.first_name, Patient.last_name, Patient.phone_e164)
    row = session.execute(who.where(Patient.clinic_id == clinic_id, Patient.public_id == patient_id)).first()
    words = [patient_id, *(word.casefold() for word in row or () if word)]
    kept = session.execute(select(KeptForm.id, KeptForm.path, KeptForm.fields).where(KeptForm.clinic_id == clinic_id))
    naming = [
        form.id
        for form in kept
        if any(word in f"{form.path} {' '.join(v for _, v in form.fields)}".casefold() for word in words)
        or patient_id in form.path
    ]
    if naming:
        session.execute(delete(KeptForm).where(KeptForm.id.in_(naming)))


def _marks(number: str) -> tuple[str, ...]:
    keys = settings().keys("erased number")
    return tuple(hmac.new(key, number.encode(), hashlib.sha256).hexdigest() for key in keys)


def _shared(session: Session, patient: Patient) -> bool:
    others = Patient.clinic_id == patient.clinic_id, Patient.phone_e164 == patient.phone_e164, Patient.id != patient.id
    return session.scalar(select(Patient.id).where(*others).limit(1)) is not None


def _cancel_coming(session: Session, visits: list[Appointment], now: pendulum.DateTime) -> int:
    coming = [visit for visit in visits if visit.starts_at > now and visit.state == "booked"]
    for visit in coming:
        visit.state, visit.cancelled_at, visit.cancelled_by, visit.notice_kind = "cancelled", now, "clinic", ""
    return len(coming)


def _tombstone(session: Session, patient: Patient, visits: list[Appointment], now: pendulum.DateTime) -> None:
    for visit in visits:
        visit.cancel_reason, visit.moved_from, visit.answer_before, visit.plan_trouble = "", None, None, ""
        visit.undo_until, visit.version = None, visit.version + 1
    for name, value in NOBODY.items():
        setattr(patient, name, value)
    patient.erased_at, patient.version = now, patient.version + 1
    session.flush()
    drop_links(session, [visit.id for visit in visits])


def _claim_number(session: Session, patient: Patient, number: str) -> None:
    """Count as the patient's what only the number says is theirs: nobody else here has it."""
    nobodys = and_(Message.clinic_id == patient.clinic_id, Message.to_e164 == number, Message.patient_id.is_(None))
    session.execute(update(Message).where(nobodys).values(patient_id=patient.id))
    unknown = InboundMessage.patient_id.is_(None), InboundMessage.from_e164 == number
    theirs = and_(*unknown, or_(InboundMessage.clinic_id == patient.clinic_id, InboundMessage.clinic_id.is_(None)))
    session.execute(update(InboundMessage).where(theirs).values(patient_id=patient.id))


def _unname(session: Session, key: int, now: pendulum.DateTime) -> int:
    """Take number and words off what is over; return how many texts are not over yet."""
    texts = update(Message).where(Message.patient_id == key, Message.to_e164 != "", OVER)
    sids = session.scalars(texts.values(redacted_at=now, **UNNAMED).returning(Message.sid)).all()
    answers = update(InboundMessage).where(InboundMessage.patient_id == key, InboundMessage.from_e164 != "")
    seen = {"redacted_at": now, "handled_at": now, **UNNAMED_ANSWER}
    heard = session.scalars(answers.values(**seen).returning(InboundMessage.sid)).all()
    forget_at_twilio(session, [*sids, *heard], whole=True, now=now)
    left = select(Message.id).where(Message.patient_id == key, Message.to_e164 != "")
    return len(session.scalars(left).all())
