"""What a number has sent is shown at the clinic it was sent to."""

from reminder_site.db import transaction
from reminder_site.models import InboundMessage
from reminder_site.queries import conversation
from tests.texting import PHONE


def test_what_an_unknown_number_wrote_to_another_clinic_is_not_shown(clinic, oak, now):
    told = {"from_e164": PHONE, "to": "+12125550100", "understood": "other", "received_at": now}
    with transaction() as session:
        session.add(InboundMessage(clinic_id=oak.id, sid="SM" + "1" * 32, body="to Oak", **told))
        session.add(InboundMessage(clinic_id=clinic.id, sid="SM" + "2" * 32, body="to Elm", **told))
    assert [said.body for said in conversation.with_number(clinic_id=clinic.id, e164=PHONE)] == ["to Elm"]
