"""What a patient's text does, once it is stored, threaded and understood; what is in doubt goes to a person.

Shared steps, inside the transaction that stores it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pendulum
from sqlalchemy.orm import Session

from reminder_site.actions import answering, opt_outs, question_lists, tellings
from reminder_site.actions.appointment_rows import clinician_of
from reminder_site.domain import wording
from reminder_site.domain.actor import PATIENT
from reminder_site.domain.answers import ABOUT_TEXTS, Answer
from reminder_site.domain.consent import WITHOUT_CONSENT
from reminder_site.domain.dialogue import FIXED_REPLIES, twilio_has_answered
from reminder_site.domain.spoken import day_and_clock
from reminder_site.domain.times import to_local
from reminder_site.domain.told import OFF, facts
from reminder_site.models import Appointment, Clinic, InboundMessage, Patient
from reminder_site.queries import inbox, threads
from reminder_site.queries.plans import ground, is_opted_out, values
from reminder_site.queries.threads import Thread

LONGEST_BODY = 1600
SAME_REPLY_MINUTES = 60
# Two machines that answer each other would never end: so many automatic replies an hour to one number are enough.
MOST_REPLIES, LOOP_MINUTES = 3, 60


@dataclass(frozen=True)
class Arrived:
    """A stored text with all that is known about it; `written_at` is None when nobody could ask Twilio for it.

    `by_twilio`: Twilio took it for an opt-out word, answered it, and no text of ours goes on top.
    """

    row: InboundMessage
    said: Answer
    thread: Thread
    sender: str
    written_at: pendulum.DateTime | None
    by_twilio: bool
    now: pendulum.DateTime


def act(session: Session, arrived: Arrived) -> str:
    """Do what a text does; note its effect, and return the reply to it, empty for silence."""
    reply = _acted(session, arrived)
    if not reply:
        arrived.row.told = arrived.row.offered = None  # what is not said tells nobody anything
    return reply


def _acted(session: Session, arrived: Arrived) -> str:
    row, said = arrived.row, arrived.said
    was_out = is_opted_out(session, row.from_e164, arrived.sender)
    deed = DEEDS.get(said.kind, _for_a_person)
    if said.kind in ABOUT_TEXTS and _decided_since(arrived):
        row.effect = f"{said.words}, but it was found late, and what was said after it stands"
        return ""
    listed = _listed(session, arrived)
    reply = listed or _written(session, arrived, deed(session, arrived))
    if was_out or arrived.by_twilio or said.kind == "start" or (listed and not _agreed(session, arrived.thread)):
        return ""
    if is_opted_out(session, row.from_e164, arrived.sender):
        return _acknowledgement(session, arrived)
    if said.kind == "other" and inbox.replied_lately(row.from_e164, now=arrived.now, minutes=SAME_REPLY_MINUTES):
        return ""  # an answering machine would keep this up for ever
    given = inbox.replies_lately(row.from_e164, now=arrived.now, minutes=LOOP_MINUTES)
    return "" if said.kind != "help" and given >= MOST_REPLIES else reply[:LONGEST_BODY]


def _decided_since(arrived: Arrived) -> bool:
    """Say whether the texts to a phone were ended or begun after a text that was found late."""
    row = arrived.row
    late = row.found_at is not None
    return late and threads.has_decided_since(row.from_e164, arrived.sender, row.received_at)


def _listed(session: Session, arrived: Arrived) -> str:
    """Take a text that answers an open list; empty when there is no such list, or the text does not answer it."""
    row, now = arrived.row, arrived.now
    if arrived.by_twilio or arrived.written_at is None:
        return ""
    asked = threads.open_list(row.from_e164, arrived.sender, now=now, written_at=arrived.written_at)
    said = question_lists.read(session, row.body, asked) if asked else {}
    if not asked or not said:
        return ""
    row.understood = next(iter(said.values()))
    when = {"written_at": arrived.written_at, "now": now}
    return question_lists.take(session, row, asked, said, sender=arrived.sender, **when)


def _agreed(session: Session, thread: Thread) -> bool:
    """Say whether the patient a text is about agreed to texts; one that nobody knows has not."""
    patient = session.get(Patient, thread.patient_id) if thread.patient_id else None
    return patient is not None and patient.agreed


def _acknowledgement(session: Session, arrived: Arrived) -> str:
    """Acknowledge an opt-out, unless Twilio does, as those who set the clinic's sender up have noted."""
    clinic_id = arrived.thread.clinic_id
    if clinic_id is None:
        return ""
    by_twilio = session.get_one(Clinic, clinic_id).twilio_acknowledges
    answered = twilio_has_answered(arrived.row.body, by_twilio)
    return "" if answered else _written(session, arrived, "stopped_reply")[:LONGEST_BODY]


def _answer(session: Session, arrived: Arrived) -> str:
    row, thread = arrived.row, arrived.thread
    if arrived.said.also_opt_in and _begun_again(session, arrived):
        row.effect = "wants texts again"
        return ""
    if thread.appointment_id is None:
        row.effect, row.needs_person = f"{arrived.said.words}, but nothing is booked for this number", True
        return "nothing_booked_reply" if thread.patient_id else ""
    if why := _in_doubt(arrived):
        row.effect, row.needs_person = f"{arrived.said.words}, but {why}", True
        return "which_one_reply" if thread.several else ""
    appointment = answering.held(session, thread.appointment_id)
    when = {"written_at": arrived.written_at or arrived.now, "now": arrived.now}
    other = tellings.otherwise(session, appointment, thread.tellings, **when)
    if appointment.starts_at > arrived.now and other:
        row.effect, row.needs_person = f"{arrived.said.words}, but {other}"[:200], True
        return "now_reply" if tellings.may_know(appointment, thread.tellings, arrived.now) else ""
    if overtaken := tellings.overtaken(row, appointment, arrived.written_at):
        row.effect = f"{arrived.said.words}, but {overtaken}"
        return ""
    decision = answering.answer(
        session, appointment, arrived.said.kind, way="text", said_at=arrived.written_at, now=arrived.now
    )
    row.effect, row.needs_person = decision.effect, decision.needs_person
    return decision.reply


def _begun_again(session: Session, arrived: Arrived) -> bool:
    """End the opt-out of a number that says a word of Twilio's for it, unless another was said after it."""
    if _decided_since(arrived):
        return False
    return opt_outs.end(session, arrived.row.from_e164, arrived.sender, by=PATIENT, now=arrived.now)


def _in_doubt(arrived: Arrived) -> str:
    """Say why nobody can tell which question an answer is to; empty when there is one only."""
    row, thread = arrived.row, arrived.thread
    if arrived.written_at is None:
        return "was told two different times, and Twilio could not say when this was written: nothing was changed"
    if thread.several:
        return "it could be about several appointments"
    by_hand = threads.written_by_hand_at(row.from_e164, arrived.sender, now=arrived.written_at)
    last = thread.tellings[-1].at if thread.tellings else None
    if by_hand and last and by_hand > last and not any(ch.isdigit() for ch in row.body):
        return "it may answer what was written by hand: nothing was changed"
    return ""


def _stop(session: Session, arrived: Arrived) -> str:
    _opt_out(session, arrived, "text")
    arrived.row.effect = "wants no more texts"
    return ""


def _stop_and_maybe_cancel(session: Session, arrived: Arrived) -> str:
    """Keep a bare CANCEL as the opt-out the law and Twilio take it for, and have somebody ask what was meant."""
    _opt_out(session, arrived, "text")
    what = "an appointment"
    if arrived.thread.appointment_id is not None and not arrived.thread.several:
        appointment = session.get_one(Appointment, arrived.thread.appointment_id)
        today = to_local(arrived.now, appointment.time_zone).date()
        what = f"the appointment on {day_and_clock(appointment.starts_local, today)}"
    arrived.row.effect = f"gets no more texts now, and may want to cancel {what}: phone them"
    arrived.row.needs_person = True
    return ""


def _wrong_number(session: Session, arrived: Arrived) -> str:
    for patient in opt_outs.patients_of(session, arrived.row.from_e164, arrived.sender):
        patient.phone_flag = "wrong_number"
        patient.version += 1
    session.flush()
    _opt_out(session, arrived, "wrong_number")
    arrived.row.effect, arrived.row.needs_person = "says this is the wrong number: texts to it have stopped", True
    return ""


def _opt_out(session: Session, arrived: Arrived, source: str) -> None:
    row = arrived.row
    if ":" in row.from_e164:
        return  # a name of another channel's, not a number: no text of ours goes there
    opt_outs.start(
        session,
        row.from_e164,
        arrived.sender,
        word=row.body.strip(),
        source=source,
        said_at=row.received_at,
        by=PATIENT,
        now=arrived.now,
    )


def _start(session: Session, arrived: Arrived) -> str:
    ended = _begun_again(session, arrived)
    arrived.row.effect = "wants texts again" if ended else "asked for texts, which were on"
    return ""


def _help(session: Session, arrived: Arrived) -> str:
    arrived.row.effect = arrived.said.words
    return "help_reply"


def _for_a_person(session: Session, arrived: Arrived) -> str:
    row = arrived.row
    row.needs_person = True
    row.effect = "sent a picture" if row.media_count and not row.body.strip() else arrived.said.words
    return "unclear_reply" if arrived.thread.patient_id else ""


def _written(session: Session, arrived: Arrived, reply: str) -> str:
    thread = arrived.thread
    if not reply or thread.clinic_id is None:
        return ""
    base = ground(session, thread.clinic_id)
    if reply not in WITHOUT_CONSENT and not _agreed(session, thread):
        return ""
    patient = session.get(Patient, thread.patient_id) if thread.patient_id else None
    appointment = session.get(Appointment, thread.appointment_id) if thread.appointment_id else None
    local = appointment.starts_local if appointment else to_local(arrived.now, base.clinic.time_zone)
    today = to_local(arrived.now, base.clinic.time_zone).date()
    clinician = clinician_of(session, appointment) if appointment else ""
    fields = values(base.clinic, patient.first_name if patient else "", local, clinician, read_on=today)
    if reply == "which_one_reply" and arrived.row.found_at is None:  # whoever was found late may have gone on since
        listed = question_lists.offer(session, arrived.row, thread.meant, now=arrived.now)
        if listed:
            return listed
    template = {**base.texts, **FIXED_REPLIES}[reply]
    if appointment is not None and "starts" in (told := facts(template, fields, local)):
        arrived.row.told = told | ({OFF: "yes"} if reply == "cancelled_reply" else {})
    return wording.render(template, fields)


DEEDS: dict[str, Callable[[Session, Arrived], str]] = {
    "confirm": _answer,
    "change": _answer,
    "cannot_come": _answer,
    "stop": _stop,
    "stop_and_maybe_cancel": _stop_and_maybe_cancel,
    "wrong_number": _wrong_number,
    "start": _start,
    "help": _help,
}
