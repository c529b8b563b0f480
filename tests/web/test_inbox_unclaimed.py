"""Texts of numbers that no clinic knows, to a sender that several share: in nobody's inbox by chance."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import select

from reminder_site.actions import inbox as actions
from reminder_site.db import db, transaction
from reminder_site.domain.refusals import AlreadyClaimed, NotHere
from reminder_site.models import Audit, InboundMessage, Staff, StaffClinic
from reminder_site.queries import health, inbox
from tests.appointing import ALICE
from tests.factories import a_clinic, sign_in
from tests.texting import last_text, text
from tests.web.test_patients import post

STRANGER, OTHER = "+12125550177", "+12125550178"


@pytest.fixture
def oak(clinic):
    """Oak Clinic, which shares its sender with Elm Clinic."""
    return a_clinic("Oak Clinic")


@pytest.fixture
def desk(client, clinic, oak):
    """Alice at Elm Clinic, who may see Oak Clinic, too."""
    sign_in(client, clinic)
    works_at(oak)
    return client


def works_at(clinic):
    with transaction() as session:
        alice = session.scalar(select(Staff.id).where(Staff.name == "Alice"))
        session.add(StaffClinic(staff_id=alice, clinic_id=clinic.id))


def shown(client, what="opened"):
    found = BeautifulSoup(client.get("/inbox").text, "html.parser").find(id=what)
    return found.get_text(" ", strip=True) if found else ""


def count(client):
    return BeautifulSoup(client.get("/").text, "html.parser").find(id="inbox-count").get_text(" ", strip=True)


def where():
    db.session.rollback()
    return db.session.scalars(select(InboundMessage.clinic_id).order_by(InboundMessage.id)).all()


def test_they_are_no_clinics_and_have_a_place_of_their_own_for_who_may_see_all(desk, now):
    assert text("who is this?", now, phone=STRANGER) is None
    assert where() == [None]
    assert "1 from a number no clinic knows" in shown(desk, "waiting")
    for words in ("(212) 555-0177", "who is this?", "Elm Clinic and Oak Clinic text from the same number", "Claim for"):
        assert words in shown(desk)
    assert count(desk) == "1 waiting"


def test_who_may_see_one_of_the_clinics_only_does_not_see_them(client, clinic, oak, now):
    sign_in(client, clinic)
    text("secret words", now, phone=STRANGER)
    stranger = last_text().public_id
    assert "Nothing waits" in client.get("/inbox").text
    assert "secret" not in client.get(f"/inbox?text={stranger}").text
    assert count(client) == ""
    assert post(client, "/account", f"/inbox/{stranger}/claim").status_code == 404
    assert where() == [None]


def test_one_button_claims_all_that_the_number_sent_and_what_it_sends_later(desk, clinic, oak, now):
    for phone, body in ((STRANGER, "hello?"), (STRANGER, "anybody?"), (OTHER, "me too")):
        text(body, now, phone=phone)
    claimed = db.session.scalar(select(InboundMessage.public_id).where(InboundMessage.body == "hello?"))
    post(desk, "/inbox", f"/inbox/{claimed}/claim")
    text("and now?", now.add(minutes=1), phone=STRANGER)
    assert where() == [clinic.id, clinic.id, None, clinic.id]
    assert [len(inbox.listed(clinic_id=each.id)) for each in (clinic, oak)] == [3, 0]
    recorded = select(Audit.actor, Audit.clinic_id, Audit.subject).where(Audit.what == "text.claimed")
    assert db.session.execute(recorded).all() == [("staff:Alice", clinic.id, claimed)]
    assert "Handled" in shown(desk)


def test_of_two_who_claim_the_second_is_told(desk, clinic, oak, now):
    text("hello?", now, phone=STRANGER)
    stranger = {"inbound_id": last_text().public_id, "clinics": [clinic.id, oak.id], "by": ALICE, "now": now}
    actions.claim(clinic_id=oak.id, **stranger)
    with pytest.raises(AlreadyClaimed):
        actions.claim(clinic_id=clinic.id, **stranger)
    post(desk, "/account", f"/inbox/{stranger['inbound_id']}/claim")
    assert "has been claimed" in desk.get("/inbox").text
    assert where() == [oak.id]


def test_a_clinic_with_another_sender_has_no_part_in_it(desk, clinic, oak, now):
    ash = a_clinic("Ash Clinic", sender="MG" + "7" * 32)
    works_at(ash)
    text("hello?", now, phone=STRANGER)
    may = {"inbound_id": last_text().public_id, "clinics": [clinic.id, oak.id, ash.id], "by": ALICE, "now": now}
    assert inbox.to_claim(clinic_id=ash.id, clinics=may["clinics"]) == []
    with pytest.raises(NotHere):
        actions.claim(clinic_id=ash.id, **may)
    text("only ours", now, phone=OTHER, service="MG" + "7" * 32)
    assert where() == [None, ash.id]


def test_what_comes_to_a_sender_no_clinic_uses_any_more_waits_for_who_may_see_every_clinic(desk, clinic, oak, now):
    text("hello?", now, phone=STRANGER, service="MG" + "8" * 32)
    assert "No clinic texts from the number this was sent to any more" in shown(desk)
    post(desk, "/inbox", f"/inbox/{last_text().public_id}/claim")
    text("and now?", now, phone=STRANGER, service="MG" + "8" * 32)
    text("me too", now, phone=OTHER, service="MG" + "8" * 32)
    assert where() == [clinic.id, clinic.id, None]
    assert "1 from a number no clinic knows" in shown(desk, "waiting")
    a_clinic("Ash Clinic", sender="MG" + "7" * 32)
    assert shown(desk, "to-claim") == ""


def test_after_a_day_health_says_that_nobody_has_claimed_them(clinic, oak, now):
    text("hello?", now, phone=STRANGER)
    assert health.checks(now=now.add(hours=24))["inbound"].status == "ok"
    told = health.checks(now=now.add(hours=25))["inbound"]
    assert (told.status, told.since) == ("degraded", now)
