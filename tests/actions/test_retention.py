"""What is no longer kept goes in the night, and nothing that is still needed does."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import func, select, text, update

from reminder_site.actions import redaction, retention
from reminder_site.config import settings
from reminder_site.db import db, transaction
from reminder_site.domain.audit_seal import first_fault
from reminder_site.models import (
    Appointment,
    Audit,
    Clinic,
    InboundMessage,
    ManageLink,
    Message,
    OptOut,
    ProviderEvent,
    RetentionRun,
    SignInTry,
    StaffSession,
    TwilioErasure,
)
from reminder_site.queries import audit_chain
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.delivering import a_text, arrive, at_twilio, trouble
from tests.texting import sids

LONG_AGO = factories.MONDAY.subtract(days=100)
NIGHT = factories.MONDAY.add(hours=18)  # 3 am in New York
OLD_VISIT = datetime(2024, 10, 1, 9, 0)


def tidy(clinic, now=NIGHT):
    """Tidy a clinic as a worker does in one night, and the site."""
    for scope in (f"clinic:{clinic.id}", retention.SITE):
        retention.carry_on(scope=scope, on=now.date(), batches=1000, now=now)
    db.session.rollback()


def a_finished_text(clinic, at=LONG_AGO, **columns):
    """A text that was delivered long ago, with its receipt; returns its number."""
    sid = f"SM{next(sids):032x}"
    made = a_text(clinic, at, **{"body": "Carol, see you", "told": {"starts": "x"}} | columns)
    with transaction() as session:
        settled = {"state": "delivered", "next_action_at": None, "finished_at": at, "sid": sid}
        session.execute(update(Message).where(Message.id == made).values(**settled))
        session.add(ProviderEvent(message_id=made, sid=sid, status="delivered", received_at=at))
    return made


def an_answer(clinic, at=LONG_AGO, **columns):
    """An answer that came long ago and needed nobody; returns its number."""
    columns = {"body": "yes, Carol", "reply": "Thank you", "understood": "confirmed", "to": "+15005550006"} | columns
    row = InboundMessage(clinic_id=clinic.id, sid=f"SM{next(sids):032x}", from_e164="+12125550142", received_at=at,
                         **columns)  # fmt: skip
    with transaction() as session:
        session.add(row)
        session.flush()
        return row.id


def bodies(table):
    return dict(db.session.execute(select(table.id, table.body)).all())


def count(table):
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(table))


def told():
    """What the audit says was removed, by scope."""
    said = select(Audit.subject, Audit.facts).where(Audit.what == "retention.done").order_by(Audit.id)
    return dict(db.session.execute(said).all())


def test_old_words_and_receipts_go_and_young_ones_stay(clinic, now):
    old, young = a_finished_text(clinic), a_finished_text(clinic, now.subtract(days=5))
    heard, lately = an_answer(clinic), an_answer(clinic, now.subtract(days=5))
    tidy(clinic)
    assert bodies(Message) == {old: "", young: "Carol, see you"}
    assert bodies(InboundMessage) == {heard: "", lately: "yes, Carol"}
    assert [event.message_id for event in db.session.scalars(select(ProviderEvent))] == [young]
    row = db.session.get(Message, old)
    assert (row.state, row.redacted_at, row.told) == ("delivered", NIGHT, {"starts": "x"})
    assert told() == {clinic.public_id: {"texts": 1, "answers": 1, "receipts": 1}}


def test_what_is_still_needed_stays_however_old_it_is(clinic, now):
    carol = factories.a_patient(clinic)
    coming = factories.an_appointment(clinic, carol)
    with transaction() as session:
        session.add(OptOut(e164="+12125550142", sender=MESSAGING_SERVICE_SID, source="text", started_at=LONG_AGO))
    needed = [a_finished_text(clinic, appointment_id=coming.id, patient_id=carol.id)]
    for state in ("needs_review", "unknown", "scheduled", "pending", "sent"):
        needed.append(a_text(clinic, LONG_AGO, in_minutes=5, body="still needed"))
        with transaction() as session:  # the sent one is still asked about
            at = None if state == "needs_review" else now
            session.execute(update(Message).where(Message.id == needed[-1]).values(state=state, next_action_at=at))
    unseen = an_answer(clinic, needs_person=True)
    tidy(clinic, NIGHT.add(years=1, days=5).set(hour=8))
    assert [body for key, body in bodies(Message).items() if key in needed[1:]] == ["still needed"] * 5
    assert bodies(InboundMessage)[unseen] == "yes, Carol"
    assert count(OptOut) == 1


def test_the_words_of_a_coming_appointment_stay_until_it_is_over(clinic, now):
    visit = factories.an_appointment(clinic, factories.a_patient(clinic), planned=False)
    made = a_finished_text(clinic, appointment_id=visit.id)
    tidy(clinic)
    assert bodies(Message)[made] == "Carol, see you"
    tidy(clinic, visit.starts_at.add(days=6))
    assert bodies(Message)[made] == "Carol, see you"
    tidy(clinic, visit.starts_at.add(days=8))
    assert bodies(Message)[made] == ""


def test_appointments_of_two_years_ago_are_counted_and_nobodys(clinic, now):
    carol = factories.a_patient(clinic)
    old = factories.an_appointment(clinic, carol, OLD_VISIT, planned=False, cancel_reason="Carol is ill")
    young = factories.an_appointment(clinic, carol, datetime(2025, 1, 7, 9, 0), planned=False)
    with transaction() as session:
        session.add(ManageLink(appointment_id=old.id, nonce="n", token_hash="h", expires_at=LONG_AGO))
    made = a_finished_text(clinic, old.starts_at, appointment_id=old.id, patient_id=carol.id)
    lone = a_finished_text(clinic, old.starts_at, patient_id=carol.id)
    heard = an_answer(clinic, old.starts_at, appointment_id=old.id, patient_id=carol.id)
    tidy(clinic)
    rows = {row.id: row for row in db.session.scalars(select(Appointment))}
    nobody = db.session.get(Clinic, clinic.id, populate_existing=True).nobody_id
    assert rows[young.id].patient_id == carol.id and rows[old.id].patient_id == nobody != carol.id
    assert rows[old.id].cancel_reason == "" and count(ManageLink) == 0 and count(Appointment) == 2
    texts = [db.session.get(Message, each) for each in (made, lone)] + [db.session.get(InboundMessage, heard)]
    assert [getattr(row, "to_e164", "") or getattr(row, "from_e164", "") for row in texts] == ["", "", ""]
    assert {row.patient_id for row in texts} == {nobody} and not any(row.told for row in texts)
    assert told()[clinic.public_id]["appointments"] == 1


def test_what_belongs_to_no_clinic_goes_too_but_each_persons_last_session(clinic, now):
    alice = factories.a_staff(clinic)
    with transaction() as session:
        for number, at in enumerate((LONG_AGO, LONG_AGO, now)):
            session.add(StaffSession(token_hash=f"{number}", staff_id=alice.id, clinic_id=clinic.id, created_at=at,
                                     expires_at=at))  # fmt: skip
            tried = {"account_hash": "a", "address_hash": "b", "succeeded": False}
            session.add(SignInTry(tried_at=at, **tried))
            session.add(ProviderEvent(sid=f"SM{number}", status="sent", received_at=at))
    tidy(clinic)
    assert [count(table) for table in (StaffSession, SignInTry, ProviderEvent)] == [1, 1, 1]
    assert told() == {"site": {"sessions": 2, "sign_in_tries": 2, "nobodys_receipts": 2}}
    tidy(clinic, now.add(days=60))
    assert count(StaffSession) == 1 and count(SignInTry) == 0


def test_a_run_goes_on_where_it_broke_off_and_is_told_once(clinic, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _ in range(5):
        a_finished_text(clinic)
    scope, on = f"clinic:{clinic.id}", NIGHT.date()
    assert retention.carry_on(scope=scope, on=on, batches=1, now=NIGHT)
    db.session.rollback()
    run = db.session.get(RetentionRun, scope)
    assert (run.chore, run.counts, count(ProviderEvent), told()) == ("receipts", {"receipts": 2}, 3, {})
    assert not retention.carry_on(scope=scope, on=on, batches=100, now=NIGHT)
    assert not retention.carry_on(scope=scope, on=on, batches=100, now=NIGHT)
    db.session.rollback()
    assert told() == {clinic.public_id: {"receipts": 5, "texts": 5}}
    assert first_fault(audit_chain.entries(), settings().keys("audit")) == ""


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_row_that_cannot_be_removed_keeps_nothing_else_and_is_counted(clinic):
    stuck, *others = [a_finished_text(clinic) for _ in range(3)]
    with transaction() as session:
        session.execute(text(f"CREATE TRIGGER stuck BEFORE UPDATE ON message WHEN old.id = {stuck} "
                             "BEGIN SELECT RAISE(ABORT, 'stuck'); END"))  # fmt: skip
    tidy(clinic)
    assert bodies(Message) == {stuck: "Carol, see you"} | dict.fromkeys(others, "")
    assert told()[clinic.public_id] == {"receipts": 3, "texts": 2, "passed_over": 1}


def test_the_worker_tidies_in_the_clinics_night_and_once(clinic, worker, clock, sandbox):
    trouble(sandbox)
    a_finished_text(clinic)
    worker.settle()
    assert count(ProviderEvent) == 1
    clock.set(NIGHT)
    worker.settle()
    assert count(ProviderEvent) == 0
    a_finished_text(clinic)
    clock.forward(minutes=1)
    worker.settle()
    assert count(ProviderEvent) == 1
    clock.forward(days=1)
    worker.settle()
    assert count(ProviderEvent) == 0


@pytest.mark.parametrize(("forgets", "kept"), [("never", True), ("erased", True), ("all", False)])
def test_twilio_is_asked_to_forget_the_words_only_where_that_is_set(
    app, clinic, worker, clock, sandbox, monkeypatch, forgets, kept
):
    monkeypatch.setitem(app.extensions, "settings", retuned(app, twilio_forgets=forgets))
    trouble(sandbox)
    a_text(clinic, clock.now(), body="Carol, see you")
    worker.settle()
    arrive(sandbox)
    clock.forward(minutes=3)
    worker.settle()
    clock.set(NIGHT.add(days=100))
    worker.settle()
    tidy(clinic, clock.now())
    redaction.carry_on(sms=worker.sms, now=clock.now())
    db.session.rollback()
    assert [one.body != "" for one in at_twilio(sandbox)] == [kept]
    assert set(bodies(Message).values()) == {""} and count(TwilioErasure) == 0


def retuned(app, **changed):
    """The site's settings with some changed."""
    return replace(app.extensions["settings"], **changed)
