"""The conversation with one patient, or with one number, at one clinic."""

import pytest
from sqlalchemy import update

from reminder_site.db import transaction
from reminder_site.models import InboundMessage, Message
from reminder_site.queries import conversation
from tests import factories
from tests.delivering import a_text
from tests.texting import PHONE


def test_what_an_unknown_number_wrote_to_another_clinic_is_not_shown(clinic, oak, now):
    told = {"from_e164": PHONE, "to": "+12125550100", "understood": "other", "received_at": now}
    with transaction() as session:
        session.add(InboundMessage(clinic_id=oak.id, sid="SM" + "1" * 32, body="to Oak", **told))
        session.add(InboundMessage(clinic_id=clinic.id, sid="SM" + "2" * 32, body="to Elm", **told))
    assert [said.body for said in conversation.with_number(clinic_id=clinic.id, e164=PHONE)] == ["to Elm"]


@pytest.mark.parametrize(("state", "told"), [("failed", True), ("undelivered", True), ("delivered", False)])
def test_why_a_text_did_not_arrive_stands_beside_it(clinic, now, state, told):
    carol = factories.a_patient(clinic)
    message_id = a_text(clinic, now, patient_id=carol.id)
    with transaction() as session:
        session.execute(update(Message).where(Message.id == message_id).values(state=state, error_code=30003))
    (said,) = conversation.of_patient(clinic_id=clinic.id, key=carol.id)
    assert (said.trouble is not None) is told


def test_the_conversation_is_with_one_patient_at_one_clinic(clinic, oak, now):
    people = [(clinic, factories.a_patient(clinic)), (clinic, factories.a_patient(clinic, "Tim"))]
    for place, patient in people:
        a_text(place, now, patient_id=patient.id, kind="staff", body=f"to {patient.first_name}")
        heard_from = {"from_e164": patient.phone_e164, "to": "x", "understood": "other", "received_at": now}
        with transaction() as session:
            sid = f"SM{patient.id:032x}"
            session.add(InboundMessage(clinic_id=place.id, patient_id=patient.id, sid=sid, body="hello", **heard_from))
    carol, key = people[0][1], people[0][1].id
    assert {said.body for said in conversation.of_patient(clinic_id=clinic.id, key=key)} == {"to Carol", "hello"}
    assert len(conversation.of_patient(clinic_id=clinic.id, key=key)) == 2
    assert conversation.of_patient(clinic_id=oak.id, key=carol.id) == []


def test_a_planned_reminder_is_not_part_of_the_conversation_until_it_has_left(clinic, now):
    carol = factories.a_patient(clinic)
    a_text(clinic, now, patient_id=carol.id, in_minutes=60)
    assert conversation.of_patient(clinic_id=clinic.id, key=carol.id) == []


def test_what_a_patients_number_wrote_is_not_shown_as_from_an_unknown_one(clinic, now):
    carol = factories.a_patient(clinic, phone_e164=PHONE)
    told = {"from_e164": PHONE, "to": "x", "body": "hello", "understood": "other", "received_at": now}
    with transaction() as session:
        session.add(InboundMessage(clinic_id=clinic.id, patient_id=carol.id, sid="SM" + "1" * 32, **told))
        session.add(InboundMessage(clinic_id=clinic.id, sid="SM" + "2" * 32, **told | {"from_e164": "+12125550177"}))
    assert conversation.with_number(clinic_id=clinic.id, e164=PHONE) == []


def test_of_a_long_conversation_the_last_two_hundred_are_shown(clinic, now):
    carol = factories.a_patient(clinic)
    told = {"clinic_id": clinic.id, "patient_id": carol.id, "from_e164": carol.phone_e164, "to": "x"}
    with transaction() as session:
        for n in range(conversation.LONGEST + 1):
            about = {"sid": f"SM{n:032x}", "body": f"{n}", "understood": "other", "received_at": now.add(minutes=n)}
            session.add(InboundMessage(**told, **about))
    said = conversation.of_patient(clinic_id=clinic.id, key=carol.id)
    assert (len(said), said[0].body, said[-1].body) == (200, "1", "200")


@pytest.mark.parametrize(
    ("to", "body", "shown", "by"),
    [
        ("link", "", "Will come", "on their page"),
        ("link", "after four", "after four", "on their page: will come"),
        ("x", "yes", "yes", "will come"),
        ("x", "", "(a picture)", "will come"),
    ],
)
def test_what_a_patient_said_is_shown_in_their_words_or_in_ours_and_with_its_way(clinic, now, to, body, shown, by):
    carol = factories.a_patient(clinic)
    told = {"understood": "confirm", "effect": "will come", "received_at": now, "from_e164": carol.phone_e164}
    with transaction() as session:
        sid = "SM" + "1" * 32
        session.add(InboundMessage(clinic_id=clinic.id, patient_id=carol.id, sid=sid, to=to, body=body, **told))
    (said,) = conversation.of_patient(clinic_id=clinic.id, key=carol.id)
    assert (said.body, said.by) == (shown, by)


def test_of_texts_of_one_second_the_first_stands_first(clinic, now):
    told = {"clinic_id": clinic.id, "from_e164": PHONE, "to": "x", "understood": "other", "received_at": now}
    for number, body in enumerate(("hello", "are you there?", "well")):
        with transaction() as session:
            session.add(InboundMessage(sid=f"SM{number:032x}", body=body, **told))
    said = conversation.with_number(clinic_id=clinic.id, e164=PHONE)
    assert [one.body for one in said] == ["hello", "are you there?", "well"]


def test_texts_stand_in_the_order_in_which_they_really_left_with_when_they_arrived(clinic, now):
    carol = factories.a_patient(clinic)
    late, held = a_text(clinic, now, patient_id=carol.id), a_text(clinic, now, patient_id=carol.id, in_minutes=60)
    left = {late: now.add(hours=5), held: now}
    with transaction() as session:
        for message_id, handed_at in left.items():
            gone = {"state": "delivered", "handed_at": handed_at, "finished_at": now.add(hours=5, seconds=3)}
            session.execute(update(Message).where(Message.id == message_id).values(**gone))
    said = conversation.of_patient(clinic_id=clinic.id, key=carol.id)
    assert [one.at for one in said] == [now.add(minutes=60), now.add(hours=5)]
    assert {one.arrived_at for one in said} == {now.add(hours=5, seconds=3)}


def test_what_a_clinic_has_claimed_is_not_shown_as_nobodys(clinic, now):
    for number, clinic_id in enumerate((None, clinic.id)):
        heard_from = {"from_e164": PHONE, "to": "x", "sender": "MG1", "understood": "other", "received_at": now}
        with transaction() as session:
            sid = f"SM{number:032x}"
            session.add(InboundMessage(clinic_id=clinic_id, sid=sid, body=f"text {number}", **heard_from))
    assert [said.body for said in conversation.unclaimed(e164=PHONE, sender="MG1")] == ["text 0"]


def test_words_that_are_no_longer_kept_are_told_as_such_and_not_as_pictures(clinic, now):
    carol = factories.a_patient(clinic)
    a_text(clinic, now, patient_id=carol.id, kind="staff", body="", redacted_at=now)
    heard = {"from_e164": carol.phone_e164, "to": "x", "understood": "confirmed", "effect": "confirmed", "body": ""}
    with transaction() as session:
        session.add(InboundMessage(clinic_id=clinic.id, patient_id=carol.id, sid="SM1", received_at=now,
                                   redacted_at=now, **heard))  # fmt: skip
    said = conversation.of_patient(clinic_id=clinic.id, key=carol.id)
    assert [one.body for one in said] == [conversation.NOT_KEPT] * 2 and {one.by for one in said} >= {"confirmed"}
