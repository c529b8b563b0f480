"""What the desk does to a patient: add, correct, note consent, text by hand. Knows no forms and no Twilio."""

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Any

import pendulum
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from reminder_site.actions import consent_wordings, form_nonces, inbox, outbox, patient_rows, press
from reminder_site.actions.appointment_rows import of_clinic
from reminder_site.db import retried, transaction
from reminder_site.domain import hand_written
from reminder_site.domain.actor import Actor
from reminder_site.domain.names import search_name
from reminder_site.domain.refusals import Refused
from reminder_site.models import Clinic, Message, Patient
from reminder_site.models.columns import new_public_id
from reminder_site.queries.plans import sender_of

USEFUL_HOURS = 24


class PatientChanged(Refused):
    """Somebody else saved the patient meanwhile; nothing has been overwritten."""


@dataclass(frozen=True)
class Details:
    """What is known of a patient; an empty `phone_e164` means that nothing can be texted.

    `time_zone` is where they are, if they said so; else their number says it.
    """

    first_name: str
    last_name: str
    phone_e164: str
    born_on: date | None = None
    time_zone: str = ""


@retried
def add(
    *,
    clinic_id: int,
    details: Details,
    consent_how: str,
    consent_wording: int | None = None,
    nonce: str = "",
    by: Actor,
    now: pendulum.DateTime,
) -> str:
    """Add a patient and return the public id; the same form (`nonce`) again returns what it made before.

    `consent_wording` is the version they were read or signed; None: the newest. Raises SavedSomethingElse, and NotHere
    for a wording that is not.
    """
    says = vars(details) | {"consent_how": consent_how, "consent_wording": consent_wording}
    with transaction() as session:
        made = new_public_id()
        earlier = form_nonces.take(session, nonce=nonce, says=says, made=made, by=by, now=now)
        if earlier:
            return earlier
        patient_rows.enrol(
            session,
            public_id=made,
            clinic_id=clinic_id,
            **vars(details),
            consent_how=consent_how,
            consent_wording=consent_wording,
            by=by,
            now=now,
        )
        return made


@retried
def edit(*, clinic_id: int, patient_id: str, version: int, details: Details, by: Actor, now: pendulum.DateTime) -> None:
    """Correct a patient; a new number takes back what was on its way to the old one. Raises PatientChanged, NotHere."""
    with transaction() as session:
        patient = of_clinic(session, Patient, clinic_id, patient_id)
        new_number = patient.phone_e164 != details.phone_e164
        values: dict[str, Any] = vars(details) | {"search_name": search_name(details.first_name, details.last_name)}
        if new_number:
            values |= {"phone_flag": ""}
        _change(session, patient, version, values)
        patient_rows.note(session, patient, "patient.edited", {"new_number": new_number}, by=by, now=now)
        patient_rows.replan_coming(session, patient, new_number=new_number, by=by, now=now)


@retried
def record_consent(
    *, clinic_id: int, patient_id: str, how: str, wording: int | None = None, by: Actor, now: pendulum.DateTime
) -> None:
    """Note that a patient agreed to texts and how ("spoken", "written"), or with "" that they no longer do.

    Texts go on or off with it. `wording` is the version they were read or signed; None: the newest. Raises NotHere.
    """
    with transaction() as session:
        patient = of_clinic(session, Patient, clinic_id, patient_id)
        agreed = bool(how)
        version = consent_wordings.used(session, clinic_id, how, wording)
        values = {"consent_how": how, "consent_at": now, "consent_by_id": by.staff_id, "reminders_on": agreed}
        values |= {"consent_wording": version}
        _change(session, patient, patient.version, values)
        patient_rows.note(
            session, patient, "patient.consent", {"how": how or "withdrawn", "wording": version or 0}, by=by, now=now
        )
        patient_rows.replan_coming(session, patient, by=by, now=now)
        if not agreed:
            outbox.unwant_patient(session, patient.id, why="the patient no longer agrees to texts", by=by, now=now)


@retried
def trust_number(*, clinic_id: int, patient_id: str, by: Actor, now: pendulum.DateTime) -> None:
    """Take the warning off a patient's number, which the desk has checked, and plan its texts again. Raises NotHere."""
    with transaction() as session:
        patient = of_clinic(session, Patient, clinic_id, patient_id)
        _change(session, patient, patient.version, {"phone_flag": ""})
        patient_rows.note(session, patient, "patient.number_trusted", {}, by=by, now=now)
        patient_rows.replan_coming(session, patient, by=by, now=now)


@retried
def send_text(
    *,
    clinic_id: int,
    patient_id: str,
    body: str,
    nonce: str = "",
    answers_id: str = "",
    confirmed: str = "",
    hour: press.Hour = "ask",
    by: Actor,
    now: pendulum.DateTime,
) -> pendulum.DateTime:
    """Text a patient by hand and return when it leaves (UTC); the same form (`nonce`) again sends nothing.

    `answers_id` is the text it answers, if any. `confirmed` is the mark of the very words whose doubts were confirmed,
    `hour` what was said about quiet hours. Raises press.AskedFirst, CannotText, SavedSomethingElse, NotHere.
    """
    says = {"patient": patient_id, "body": body, "answers": answers_id}
    key = f"staff:{by.staff_id}:{nonce or secrets.token_urlsafe(24)}"[:80]
    with transaction() as session:
        if form_nonces.take(session, nonce=nonce, says=says, made=patient_id, by=by, now=now):
            return session.scalar(select(Message.send_at).where(Message.dedupe_key == key)) or now
        patient = of_clinic(session, Patient, clinic_id, patient_id)
        clinic = press.refuse(session, patient)
        send_at = press.leaves_at(session, clinic, hour, doubts=hand_written.doubts(body, confirmed), now=now)
        text = _by_hand(patient, clinic, body, send_at) | {"dedupe_key": key}
        outbox.add_message(session, by=by, now=now, **text)
        patient_rows.note(session, patient, "patient.texted", {}, by=by, now=now)
        if answers_id:
            inbox.settle(session, clinic_id, answers_id, by=by, now=now)
        return send_at


def _by_hand(patient: Patient, clinic: Clinic, body: str, send_at: pendulum.DateTime) -> dict[str, Any]:
    """Return the columns of a text written by hand."""
    return {
        "clinic_id": clinic.id,
        "patient_id": patient.id,
        "kind": "staff",
        "channel": patient.channel,
        "to_e164": patient.phone_e164,
        "sender": sender_of(clinic),
        "body": hand_written.whole(body, clinic.text_name),
        "send_at": send_at,
        "useful_until": send_at.add(hours=USEFUL_HOURS),
    }


def _change(session: Session, patient: Patient, version: int, values: dict[str, Any]) -> None:
    changed = session.execute(
        update(Patient)
        .where(Patient.id == patient.id, Patient.version == version)
        .values(**values, version=Patient.version + 1)
        .execution_options(synchronize_session=False)
    )
    if outbox.rows(changed) == 0:
        raise PatientChanged("Somebody else changed this patient while you were typing.")
    session.refresh(patient)
