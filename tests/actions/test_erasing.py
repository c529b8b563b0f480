"""An erased patient: nothing is on its way, nothing says any more who they were; counts and opt-outs stay."""

from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from reminder_site.actions import appointments, attendance, erasing, patients
from reminder_site.config import settings
from reminder_site.db import Base, db, transaction
from reminder_site.domain.audit_seal import first_fault
from reminder_site.domain.refusals import NotHere, PatientErased
from reminder_site.gateways.data_folder import DataFolder
from reminder_site.models import Appointment, Audit, InboundMessage, KeptForm, Message, OptOut, Patient
from reminder_site.queries import audit_chain
from reminder_site.queries import patients as shown
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.appointing import ALICE
from tests.delivering import a_text, arrive, at_twilio, carry_on, trouble
from tests.finding_late import took
from tests.texting import PHONE, sids

CANARY = "Kanariszka"


def erase(clinic, patient, now, **more):
    """Erase a patient as a manager does."""
    return erasing.erase(clinic_id=clinic.id, patient_id=patient.public_id, why="asked", by=ALICE, now=now, **more)


def found(*words, but_not=("opt_out",)):
    """Name the tables in which any of some words stand."""
    db.session.rollback()
    tables = {name: table for name, table in Base.metadata.tables.items() if name not in but_not}
    rows = {name: str(db.session.execute(select(table)).all()).casefold() for name, table in tables.items()}
    return {name for name, text in rows.items() if any(word.casefold() in text for word in words)}


def a_whole_patient(clinic, number):
    """A patient with an appointment, texts both ways and a form that somebody had typed, each with a canary."""
    phone = f"+1212555{7000 + number}"
    carol = factories.a_patient(clinic, f"{CANARY}a{number}", f"{CANARY}b{number}", phone_e164=phone)
    visit = factories.an_appointment(clinic, carol, datetime(2026, 11, 20, 9, 0), planned=False,
                                     cancel_reason=f"{CANARY} is ill")  # fmt: skip
    return carol, [
        InboundMessage(clinic_id=clinic.id, patient_id=carol.id if number % 2 else None, appointment_id=visit.id,
                       sid=f"SM{next(sids):032x}", from_e164=phone, to="+15005550006", body=f"it is {CANARY}",
                       reply=f"Thank you, {CANARY}", understood="other", received_at=factories.MONDAY),
        Message(clinic_id=clinic.id, patient_id=carol.id, appointment_id=visit.id, kind="staff", to_e164=phone,
                dedupe_key=f"c{number}", sender=MESSAGING_SERVICE_SID, body=f"Dear {CANARY}", told={"who": CANARY},
                send_at=factories.MONDAY, useful_until=factories.MONDAY, state="delivered", sid=f"SM{number:032x}",
                created_at=factories.MONDAY),
    ]  # fmt: skip


def test_of_a_hundred_erased_patients_no_word_is_left_and_all_is_counted(app, clinic, now):
    alice = factories.a_staff(clinic)
    with factories.at_once():
        made = [a_whole_patient(clinic, number) for number in range(100)]
    with transaction() as session:
        session.add_all(row for _, rows in made for row in rows)
        typed = {"staff_id": alice.id, "clinic_id": clinic.id, "path": "/patients/new", "kept_at": now}
        session.add(KeptForm(fields=[["first_name", f"{CANARY}a7"]], **typed))
        session.add(KeptForm(fields=[["first_name", "Somebody else"]], **typed))
    for carol, _ in made:
        erase(clinic, carol, now)
    assert found(CANARY, "+12125557") == set()
    counts = [db.session.scalar(select(func.count()).select_from(t)) for t in (Appointment, Message, InboundMessage)]
    assert counts == [100, 100, 100] and db.session.scalar(select(func.count()).select_from(KeptForm)) == 1
    assert not shown.search(clinic_id=clinic.id, typed="") and not shown.search(clinic_id=clinic.id, typed=CANARY)
    assert first_fault(audit_chain.entries(), settings().keys("audit")) == ""


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_nothing_is_left_in_the_bytes_of_a_sqlite_file_either(app, clinic, now):
    carol, rows = a_whole_patient(clinic, 1)
    with transaction() as session:
        session.add_all(rows)
    erase(clinic, carol, now)
    db.session.remove()
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert CANARY.encode() not in Path(db.engine.url.database).read_bytes()


def test_what_is_on_its_way_is_withdrawn_first_and_loses_its_number_once_that_is_done(
    clinic, worker, clock, sandbox, now
):
    trouble(sandbox)
    carol = factories.a_patient(clinic, CANARY, phone_e164=PHONE)
    visit = factories.an_appointment(clinic, carol)
    carry_on(worker, clock, minutes=5)
    assert {one.status for one in at_twilio(sandbox)} >= {"scheduled"}
    done = erase(clinic, carol, clock.now())
    assert done.cancelled == 1 and done.texts_left > 0
    worker.settle()
    arrive(sandbox)
    carry_on(worker, clock, minutes=5)
    assert "scheduled" not in {one.status for one in at_twilio(sandbox)}
    assert found(CANARY, PHONE) == set()
    row = db.session.get(Appointment, visit.id, populate_existing=True)
    assert (row.state, row.cancelled_by) == ("cancelled", "clinic")
    carry_on(worker, clock, minutes=30)
    assert [one.body for one in at_twilio(sandbox)] == []


def test_an_opt_out_outlives_the_patient_and_says_nothing_else(clinic, now):
    carol = factories.a_patient(clinic, CANARY, phone_e164=PHONE)
    with transaction() as session:
        session.add(OptOut(e164=PHONE, sender=MESSAGING_SERVICE_SID, word=f"stop, {CANARY}", source="text",
                           started_at=now))  # fmt: skip
    erase(clinic, carol, now)
    assert found(CANARY, but_not=()) == set() and found(PHONE, but_not=()) == {"opt_out"}


def test_the_family_on_the_same_number_keeps_what_is_theirs(clinic, now):
    carol, tim = (factories.a_patient(clinic, name, phone_e164=PHONE) for name in (CANARY, "Tim"))
    his = a_text(clinic, now, patient_id=tim.id, to_e164=tim.phone_e164, in_minutes=60)
    with transaction() as session:
        session.add(InboundMessage(clinic_id=clinic.id, sid="SM1", from_e164=PHONE, to="+15005550006", body="hello",
                                   understood="other", received_at=now))  # fmt: skip
    erase(clinic, carol, now)
    db.session.rollback()
    row = db.session.get(Message, his)
    assert (row.to_e164, row.wanted) == (PHONE, True)
    assert db.session.scalar(select(InboundMessage.body)) == "hello"


def test_an_erased_patient_is_no_longer_here_and_the_audit_says_why(clinic, now):
    carol = factories.a_patient(clinic)
    with pytest.raises(patients.PatientChanged):
        erase(clinic, carol, now, version=7)
    erase(clinic, carol, now, version=1)
    with pytest.raises(NotHere):
        erase(clinic, carol, now)
    db.session.rollback()
    facts = db.session.scalar(select(Audit.facts).where(Audit.what == "patient.erased"))
    assert facts == {"why": "asked", "appointments": 0, "cancelled": 0, "texts_left": 0}
    assert shown.get(clinic_id=clinic.id, public_id=carol.public_id) is None


def test_whom_a_restored_backup_brings_back_is_erased_anew(clinic, now):
    carol, other = factories.a_patient(clinic, CANARY), factories.a_patient(clinic, "Ann")
    erase(clinic, carol, now)
    with transaction() as session:
        row = session.get_one(Patient, carol.id)
        row.first_name, row.erased_at = CANARY, None
    noted = DataFolder(settings().data_path).erased()
    assert noted == [carol.public_id]
    assert erasing.again(erased=noted, by=ALICE, now=now) == 1
    assert found(CANARY) == set() and found("Ann") >= {"patient"}
    assert other.public_id not in noted


def test_whom_the_list_could_not_take_the_worker_lists_later(clinic, worker, clock, now):
    carol, folder = factories.a_patient(clinic), settings().data_path
    (folder / "erased").mkdir(parents=True)
    erase(clinic, carol, now)
    assert DataFolder(folder).erased() == []
    (folder / "erased").rmdir()
    carry_on(worker, clock, minutes=61)
    assert DataFolder(folder).erased() == [carol.public_id]


@pytest.mark.parametrize("what", ["undo_cancel", "undo_move", "cancel", "answer", "outcome"])
def test_nothing_is_done_any_more_to_an_erased_patients_appointment(clinic, now, what):
    carol = factories.a_patient(clinic)
    visit = factories.an_appointment(clinic, carol)
    erase(clinic, carol, now)
    about = {"clinic_id": clinic.id, "appointment_id": visit.public_id, "by": ALICE, "now": now}
    do = {
        "undo_cancel": lambda: appointments.undo_cancel(**about),
        "undo_move": lambda: appointments.undo_move(**about),
        "cancel": lambda: appointments.cancel(**about, reason="", tell="no", version=1),
        "answer": lambda: attendance.record_answer(**about, answer="confirmed"),
        "outcome": lambda: attendance.record_outcome(**about, outcome="arrived"),
    }[what]
    with pytest.raises(PatientErased):
        do()
    assert db.session.get(Appointment, visit.id, populate_existing=True).state == "cancelled"


@pytest.mark.parametrize("body", ["1", f"it is {CANARY}", f"please stop texting me, {CANARY}"])
def test_a_text_from_before_that_twilios_list_shows_only_later_is_not_kept_either(clinic, worker, clock, sandbox, body):
    carry_on(worker, clock, minutes=2)
    carol = factories.a_patient(clinic, CANARY, phone_e164=PHONE)
    took(sandbox, body, clock.now())
    clock.forward(seconds=2)
    erase(clinic, carol, clock.now())
    carry_on(worker, clock, minutes=3)
    assert db.session.scalar(select(InboundMessage.patient_id)) == carol.id
    assert found(CANARY, PHONE) == set() and found(CANARY, but_not=()) == set()
    took(sandbox, "who is this?", clock.now())
    carry_on(worker, clock, minutes=100)
    assert [row.body for row in db.session.scalars(select(InboundMessage).where(InboundMessage.from_e164 == PHONE))]
    assert db.session.get(Patient, carol.id, populate_existing=True).number_mark == ""
