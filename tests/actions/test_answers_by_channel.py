"""Texts that come in over SMS, WhatsApp and RCS: one number, one patient, one opt-out."""

import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import OptOut
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests.factories import a_clinic, a_patient, an_appointment
from tests.texting import PHONE, coming, fresh, heard, last_text, text

pytestmark = pytest.mark.parametrize("prefix", ["", "whatsapp:", "rcs:"], ids=["sms", "whatsapp", "rcs"])


@pytest.fixture
def visit(clinic, now):
    appointment = an_appointment(clinic, a_patient(clinic, phone_e164=PHONE))
    heard(appointment, now.add(minutes=2))
    return appointment


def opt_outs():
    db.session.rollback()
    return [(row.e164, row.ended_at is None) for row in db.session.scalars(select(OptOut).order_by(OptOut.id))]


def test_stop_stops_the_number_and_start_from_any_channel_ends_it(visit, now, prefix):
    assert coming(visit)
    text("STOP", now.add(minutes=10), phone=prefix + PHONE)
    assert (opt_outs(), coming(visit)) == ([(PHONE, True)], [])
    text("STOP", now.add(minutes=11))
    assert opt_outs() == [(PHONE, True)]
    text("START", now.add(minutes=12), phone=prefix + PHONE)
    assert opt_outs() == [(PHONE, False)]
    assert coming(visit)


def test_a_stop_by_sms_is_ended_by_a_start_from_any_channel(visit, now, prefix):
    text("STOP", now.add(minutes=10))
    text("START", now.add(minutes=12), phone=prefix + PHONE)
    assert opt_outs() == [(PHONE, False)]
    assert coming(visit)


def test_an_answer_is_about_the_patients_appointment_and_is_replied_to(visit, now, prefix):
    assert "thank you, see you" in text("1", now.add(minutes=10), phone=prefix + PHONE)
    told = last_text()
    assert (told.from_e164, told.appointment_id, told.needs_person) == (PHONE, visit.id, False)
    assert fresh(visit).answer == "confirmed"


def test_a_question_goes_to_a_person_once_whatever_the_channel(visit, now, prefix):
    assert "somebody will read this" in text("can I come at 4?", now.add(minutes=10))
    assert text("or at 5?", now.add(minutes=11), phone=prefix + PHONE) is None
    assert (last_text().patient_id, last_text().needs_person) == (visit.patient_id, True)


def test_a_wrong_number_is_flagged_whatever_the_channel(visit, now, prefix):
    text("wrong number", now.add(minutes=10), phone=prefix + PHONE)
    assert opt_outs() == [(PHONE, True)]
    assert coming(visit) == []


def test_a_clinics_own_number_is_known_by_any_channel(app, now, prefix):
    own = a_clinic("Oak Clinic", sender="+15005550006")
    a_patient(a_clinic(), phone_e164=PHONE)
    visit = an_appointment(own, a_patient(own, phone_e164=PHONE))
    heard(visit, now.add(minutes=2))
    text("1", now.add(minutes=10), phone=prefix + PHONE, to=prefix + "+15005550006")
    assert fresh(visit).answer == "confirmed"


def test_the_longest_number_is_kept_whole(clinic, now, prefix):
    text("hello", now.add(minutes=10), phone=prefix + "+123456789012345")
    assert last_text().from_e164 == "+123456789012345"


def test_an_address_without_a_number_stays_as_it_is(visit, now, prefix):
    to = "rcs:elm_clinic_agent"
    text("1", now.add(minutes=10), phone=prefix + PHONE, to=to, service=MESSAGING_SERVICE_SID)
    assert fresh(visit).answer == "confirmed"
    for odd in ("messenger:1234567", "rcs:", "whatsapp:+12125550142x", ""):
        text("STOP", now.add(minutes=11), phone=odd)
        assert last_text().from_e164 == odd
    assert coming(visit)
    assert PHONE not in dict(opt_outs())
