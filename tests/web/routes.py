"""Every route of the site with its blanks filled in from one clinic's own things, for sweeps over all pages."""

from datetime import date

from flask import url_for
from sqlalchemy import select

from reminder_site.actions.links import link_url
from reminder_site.db import db, transaction
from reminder_site.models import (
    Alert,
    AppointmentType,
    Clinician,
    ClosedDay,
    InboundMessage,
    Invitation,
    KeptForm,
    ManageLink,
    Message,
    Reminder,
    ReminderRule,
    Template,
)
from tests import factories

PLAUSIBLE = {
    "answer": "confirmed",
    "outcome": "arrived",
    "how": "in person",
    "on": "1",
    "reminders": "1",
    "version": "1",
}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
SENTINEL = "Sentinella"


def a_full_clinic(name="Elm Clinic", staff="Sam", **columns):
    """A clinic with one of everything, each named SENTINEL where it has a name of its own."""
    clinic = factories.a_clinic(name, **columns)
    patient = factories.a_patient(clinic, SENTINEL, "Reed")
    appointment = factories.an_appointment(clinic, patient)
    person = factories.a_staff(clinic, staff)
    texted = {"from_e164": patient.phone_e164, "to": "+15005550006", "body": SENTINEL, "understood": "other"}
    told = {"firing_since": factories.MONDAY, "told_at": factories.MONDAY}
    _keep(
        Alert(rule="inbox_old", subject=clinic.public_id, level="mail", words=f"{SENTINEL} waits.", **told),
        Clinician(clinic_id=clinic.id, name=f"Dr {SENTINEL}"),
        AppointmentType(clinic_id=clinic.id, name=f"{SENTINEL} visit"),
        ClosedDay(clinic_id=clinic.id, closed_on=date(2026, 12, 24), name=f"{SENTINEL} day"),
        Invitation(
            email=f"inv-{clinic.public_id.lower()}@elm.example",
            name=f"{SENTINEL} Reed",
            role="reception",
            password_hash="-",
            clinics=[clinic.public_id],
            made_at=factories.MONDAY,
            made_by="Dana",
        ),
        Template(clinic_id=clinic.id, kind="moved", body=f"{SENTINEL} {{{{time}}}}", updated_at=factories.MONDAY),
        KeptForm(
            clinic_id=clinic.id,
            staff_id=person.id,
            path="/patients/new",
            fields=[["first_name", SENTINEL]],
            kept_at=factories.MONDAY,
        ),
        InboundMessage(
            clinic_id=clinic.id,
            patient_id=patient.id,
            sid="SM" + clinic.public_id.encode().hex()[:32],
            received_at=factories.MONDAY,
            needs_person=True,
            **texted,
        ),
    )
    return clinic, blanks(clinic, appointment, patient, person)


def blanks(clinic, appointment, patient, person):
    """Return what fills the blanks of addresses."""

    def of(table):
        return db.session.scalars(select(table.public_id).where(table.clinic_id == clinic.id)).first()

    invited = db.session.scalars(select(Invitation).order_by(Invitation.id)).all()
    link = db.session.scalars(select(ManageLink.nonce).where(ManageLink.appointment_id == appointment.id)).first()
    return {
        "public_id": appointment.public_id,
        "patient_id": patient.public_id,
        "staff_id": person.public_id,
        "clinician_id": of(Clinician),
        "type_id": of(AppointmentType),
        "rule_id": of(ReminderRule),
        "reminder_id": of(Reminder),
        "invitation_id": next((row.public_id for row in invited if clinic.public_id in row.clinics), "nothing"),
        "kept_id": of(KeptForm),
        "inbound_id": of(InboundMessage),
        "message_id": of(Message),
        "alert_id": db.session.scalar(select(Alert.public_id).where(Alert.subject == clinic.public_id)) or "none",
        "passkey_id": "nothing",
        "closed_on": "2026-12-24",
        "on": "2026-11-20",
        "kind": "moved",
        "token": link_url(link).rsplit("/", 1)[1] if link else "nothing",
    }


def every(app, filled, *, methods=("GET",)):
    """List (endpoint, method, address) of every route for these methods."""
    with app.test_request_context("/"):
        return [
            (rule.endpoint, method, url_for(rule.endpoint, **{name: filled[name] for name in rule.arguments}))
            for rule in app.url_map.iter_rules()
            for method in sorted(set(methods) & rule.methods)
            if rule.endpoint != "static"
        ]


def _keep(*rows):
    with transaction() as session:
        session.add_all(rows)
