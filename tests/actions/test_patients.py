"""What the desk does to a patient, and what follows for the texts on their way."""

import threading
from datetime import date

import pytest
from sqlalchemy import func, select

from reminder_site.actions import inbox, patients, reminders
from reminder_site.actions.patients import Details, PatientChanged
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.domain.refusals import CannotText, NotHere
from reminder_site.models import Audit, InboundMessage, Message, Patient
from reminder_site.queries import inbox as waiting
from reminder_site.queries import links
from reminder_site.queries import patients as found
from tests.delivering import at_twilio
from tests.factories import a_clinic, a_patient, a_staff, an_appointment
from tests.texting import PHONE, coming, fresh, last_text, link_to, text


@pytest.fixture
def alice(clinic):
    staff = a_staff(clinic)
    return Actor("staff", staff.name, staff.id)


@pytest.fixture
def carol(clinic):
    return a_patient(clinic, phone_e164=PHONE)


def edited(patient, **changes):
    now_known = {"first_name": patient.first_name, "last_name": patient.last_name, "phone_e164": patient.phone_e164}
    return Details(**(now_known | changes))


def test_a_new_patient_is_added_once_however_often_the_form_is_sent(clinic, alice, now):
    details = Details("Ann", "Lee", PHONE, date(1980, 2, 29))
    same = {"clinic_id": clinic.id, "details": details, "consent_how": "spoken", "nonce": "n" * 32}
    ids = {patients.add(**same, by=alice, now=now) for _ in range(3)}
    assert len(ids) == 1
    ann = found.get(clinic_id=clinic.id, public_id=ids.pop())
    assert (ann.name, ann.born_on, ann.reminders_on, ann.consent_at) == ("Ann Lee", date(1980, 2, 29), True, now)


def test_without_consent_texts_stay_off(clinic, alice, now):
    made = patients.add(clinic_id=clinic.id, details=Details("Ann", "", PHONE), consent_how="", by=alice, now=now)
    assert not found.get(clinic_id=clinic.id, public_id=made).reminders_on


def test_a_new_number_takes_back_what_was_meant_for_the_old_one(clinic, carol, alice, now):
    visit = an_appointment(clinic, carol)
    path = link_to(visit, now)
    details = edited(carol, phone_e164="+12125550188")
    patients.edit(clinic_id=clinic.id, patient_id=carol.public_id, version=1, details=details, by=alice, now=now)
    wanted = select(Message.to_e164).where(Message.appointment_id == visit.id, Message.wanted)
    assert set(db.session.scalars(wanted)) == {"+12125550188"}
    assert coming(visit)
    assert links.find(path.rsplit("/", 1)[1], now=now) is None
    assert link_to(visit, now) != path
    assert fresh(visit).round == 2


def test_a_new_number_is_no_longer_suspect(clinic, alice, now):
    tim = a_patient(clinic, "Tim", phone_flag="unreachable")
    visit = an_appointment(clinic, tim)
    assert coming(visit) == []
    details = edited(tim, phone_e164="+12125550199")
    patients.edit(clinic_id=clinic.id, patient_id=tim.public_id, version=1, details=details, by=alice, now=now)
    assert fresh(tim).phone_flag == ""
    assert coming(visit)


def test_a_corrected_name_reaches_the_texts_that_are_planned(clinic, carol, alice, now):
    visit = an_appointment(clinic, carol)
    details = edited(carol, first_name="Caroline")
    patients.edit(clinic_id=clinic.id, patient_id=carol.public_id, version=1, details=details, by=alice, now=now)
    planned = select(Message.body).where(Message.appointment_id == visit.id, Message.wanted)
    assert all("Caroline" in body for body in db.session.scalars(planned))
    assert [line.name for line in found.search(clinic_id=clinic.id, typed="reed caroline")] == ["Caroline Reed"]


def test_of_two_who_edit_the_second_overwrites_nothing(app, clinic, carol, alice, now):
    wins, start = [], threading.Barrier(2)

    def edit(name):
        with app.app_context():
            start.wait()
            try:
                known = {"clinic_id": clinic.id, "patient_id": carol.public_id, "version": 1}
                patients.edit(**known, details=Details(name, "Reed", PHONE), by=alice, now=now)
                wins.append(name)
            except PatientChanged:
                pass

    both = [threading.Thread(target=edit, args=(name,)) for name in ("Ann", "Bea")]
    [one.start() for one in both]
    [one.join() for one in both]
    assert len(wins) == 1
    assert (fresh(carol).first_name, fresh(carol).version) == (wins[0], 2)


def test_consent_withdrawn_takes_every_text_back_and_given_brings_them(clinic, carol, alice, now):
    visit, who = an_appointment(clinic, carol), {"clinic_id": clinic.id, "patient_id": carol.public_id}
    patients.record_consent(**who, how="", by=alice, now=now)
    assert coming(visit) == []
    patients.record_consent(**who, how="written", by=alice, now=now)
    assert coming(visit)
    assert (fresh(carol).consent_how, fresh(carol).consent_by_id) == ("written", alice.staff_id)


def test_consent_withdrawn_takes_back_what_was_written_by_hand_as_well(clinic, carol, alice, clock, worker, sandbox):
    who = {"clinic_id": clinic.id, "patient_id": carol.public_id, "by": alice}
    clock.set(clock.now().add(hours=12))  # 9 pm
    leaves_at = patients.send_text(**who, body="Please call us", hour="opening", now=clock.now())
    worker.settle()
    assert leaves_at == clock.now().add(hours=12)
    patients.record_consent(**who, how="", now=clock.now())
    worker.settle()
    clock.set(leaves_at.add(minutes=1))
    worker.settle()
    assert [text.status for text in at_twilio(sandbox)] == ["canceled"]


def test_reminders_are_not_switched_on_for_who_has_not_agreed(clinic, alice, now):
    tim = a_patient(clinic, "Tim", consent_how="", reminders_on=False)
    with pytest.raises(CannotText, match="has not agreed to texts"):
        reminders.set_patient_reminders(clinic_id=clinic.id, patient_id=tim.public_id, on=True, by=alice, now=now)
    assert not fresh(tim).reminders_on


def test_a_checked_number_is_texted_again(clinic, alice, now):
    tim = a_patient(clinic, "Tim", phone_flag="unreachable")
    visit = an_appointment(clinic, tim)
    patients.trust_number(clinic_id=clinic.id, patient_id=tim.public_id, by=alice, now=now)
    assert coming(visit)


def test_a_text_by_hand_leaves_once_and_settles_what_it_answers(clinic, carol, alice, now):
    text("can I come at 4?", now)
    sent = {"clinic_id": clinic.id, "patient_id": carol.public_id, "body": "Yes, 4 pm is fine.", "nonce": "n" * 32}
    for _ in range(2):
        patients.send_text(**sent, answers_id=last_text().public_id, by=alice, now=now)
    message = db.session.scalars(select(Message).where(Message.kind == "staff")).one()
    assert (message.body, message.to_e164, message.send_at) == (
        "Elm Clinic: Yes, 4 pm is fine. STOP ends texts",
        PHONE,
        now,
    )
    assert waiting.waiting(clinic.id) == 0
    assert last_text().handled_by_id == alice.staff_id


@pytest.mark.parametrize("why", ["opted out", "flagged", "no phone", "never agreed"])
def test_who_cannot_be_texted_is_not(clinic, alice, now, why):
    phone, flag = "" if why == "no phone" else PHONE, "unreachable" if why == "flagged" else ""
    how = "" if why == "never agreed" else "spoken"
    tim = a_patient(clinic, "Tim", phone_e164=phone, phone_flag=flag, consent_how=how)
    if why == "opted out":
        text("STOP", now)
    with pytest.raises(CannotText, match="Phone the patient"):
        patients.send_text(clinic_id=clinic.id, patient_id=tim.public_id, body="x", by=alice, now=now)
    assert db.session.scalar(select(func.count()).select_from(Message)) == 0


def test_another_clinics_patient_is_not_here(clinic, carol, alice, now):
    other = a_clinic("Oak Clinic")
    text("hello?", now)
    here = {"clinic_id": other.id, "by": alice, "now": now}
    for act in (
        lambda: patients.edit(**here, patient_id=carol.public_id, version=1, details=edited(carol)),
        lambda: patients.record_consent(**here, patient_id=carol.public_id, how=""),
        lambda: patients.trust_number(**here, patient_id=carol.public_id),
        lambda: patients.send_text(**here, patient_id=carol.public_id, body="x"),
        lambda: inbox.mark_handled(**here, inbound_id=last_text().public_id),
    ):
        with pytest.raises(NotHere):
            act()


def test_the_audit_names_nobody(clinic, alice, now):
    made = patients.add(
        clinic_id=clinic.id, details=Details("Zebedee", "Quux", PHONE), consent_how="spoken", by=alice, now=now
    )
    details = Details("Zebedee", "Quux", "+12125550188")
    patients.edit(clinic_id=clinic.id, patient_id=made, version=1, details=details, by=alice, now=now)
    told = " ".join(str(vars(row)) for row in db.session.scalars(select(Audit)))
    assert "patient.edited" in told
    assert not [word for word in ("Zebedee", "Quux", "5550142", "5550188") if word in told]


SEARCHES = [
    ("ree", ["Carol Reed"]), ("REED c", ["Carol Reed"]), ("mull", ["Zoë Müller"]), ("müll", ["Zoë Müller"]),
    ("zoe", ["Zoë Müller"]), ("carol reed", ["Carol Reed"]), ("2125550142", ["Carol Reed"]),
    ("(212) 555-0142", ["Carol Reed"]), ("0142", ["Carol Reed"]), ("xyz", []), ("%", []), ("_", []), ("!!", []),
    ("", ["Zoë Müller", "Carol Reed"]),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "names"), SEARCHES)
def test_a_piece_of_a_name_or_number_finds(clinic, carol, typed, names):
    a_patient(clinic, "Zoë", "Müller", phone_e164="+12125550177")
    a_patient(a_clinic("Oak Clinic"), "Carol", "Reed", phone_e164=PHONE)
    assert [line.name for line in found.search(clinic_id=clinic.id, typed=typed)] == names


def test_every_patient_is_on_exactly_one_page_of_the_list(clinic, now):
    with transaction() as session:
        for number in range(25):
            name = {"first_name": "Ann", "last_name": f"Lee {number // 5}", "search_name": f"lee {number // 5} ann"}
            session.add(Patient(clinic_id=clinic.id, created_at=now, **name))
    seen, after = [], ""
    while page := found.search(clinic_id=clinic.id, typed="lee", limit=4, after=after):
        seen += [line.id for line in page]
        after = page[-1].id
    assert len(seen) == len(set(seen)) == 25


def test_a_text_handled_twice_is_handled_once(clinic, carol, alice, now):
    text("hello?", now)
    for later in (1, 2):
        inbox.mark_handled(clinic_id=clinic.id, inbound_id=last_text().public_id, by=alice, now=now.add(minutes=later))
    assert db.session.scalar(select(InboundMessage.handled_at)) == now.add(minutes=1)
