"""An opt-out is shown as long as it is in force."""

from reminder_site.db import transaction
from reminder_site.models import OptOut
from reminder_site.queries import opt_outs
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests.factories import a_patient
from tests.texting import PHONE


def test_an_opt_out_that_has_ended_is_not_shown(clinic, now):
    a_patient(clinic, phone_e164=PHONE, now=now)
    with transaction() as session:
        asked = {"e164": PHONE, "sender": MESSAGING_SERVICE_SID, "word": "STOP", "source": "text"}
        session.add(OptOut(**asked, started_at=now.subtract(days=2), ended_at=now.subtract(days=1)))
    assert opt_outs.of_number(clinic_id=clinic.id, e164=PHONE) is None
    with transaction() as session:
        session.add(OptOut(**asked, started_at=now))
    assert opt_outs.of_number(clinic_id=clinic.id, e164=PHONE).started_at == now


def test_an_opt_out_from_another_sender_is_not_this_clinics(clinic, now):
    with transaction() as session:
        session.add(OptOut(e164=PHONE, sender="MG" + "7" * 32, word="STOP", source="text", started_at=now))
    assert opt_outs.of_number(clinic_id=clinic.id, e164=PHONE) is None
