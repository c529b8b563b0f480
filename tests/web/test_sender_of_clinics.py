"""Who chooses the Messaging Service a clinic texts from, and that no two share one without saying so."""

import pytest
from sqlalchemy import select, update

from reminder_site.actions import clinics
from reminder_site.db import db, transaction
from reminder_site.domain.actor import Actor
from reminder_site.models import Audit, Clinic
from reminder_site.sandbox.identity import MESSAGING_SERVICE_SID
from tests import factories
from tests.web.desk import errors, page
from tests.web.forms import forms_of

THEIRS, FREE = "MG" + "7" * 32, "MG" + "8" * 32


@pytest.fixture
def oak(clinic):
    return factories.a_clinic("Oak Clinic", sender=THEIRS)


def desk_of(client, clinic, role):
    factories.sign_in(client, clinic, role=role)
    return client


def save(client, **typed):
    form = next(f for f in forms_of(page(client, "/settings/texting"), "/") if f.action == "/settings/texting")
    return client.post(form.action, data={**form.data, **typed})


def sender(clinic):
    db.session.rollback()
    return db.session.scalar(select(Clinic.sender).where(Clinic.id == clinic.id))


def shared():
    db.session.rollback()
    return [row.facts for row in db.session.scalars(select(Audit).where(Audit.what == "sender.shared"))]


def test_an_administrator_sets_a_sender_that_nobody_else_has(client, clinic, oak):
    assert save(desk_of(client, clinic, "administrator"), sender=FREE).status_code == 303
    assert sender(clinic) == FREE and shared() == []


def test_what_is_no_messaging_service_is_refused_in_words(client, clinic):
    refused = save(desk_of(client, clinic, "administrator"), sender="MG12")
    assert refused.status_code == 422 and "A Messaging Service SID" in errors(refused.get_data(as_text=True))[0]


@pytest.mark.parametrize("theirs", [THEIRS, MESSAGING_SERVICE_SID])
def test_another_clinics_sender_is_refused_until_it_is_shared_on_purpose(client, clinic, oak, theirs):
    factories.a_clinic("Ash Clinic")  # texts from what the site was set up with
    desk = desk_of(client, clinic, "administrator")
    refused = save(desk, sender=theirs)
    html = refused.get_data(as_text=True)
    assert refused.status_code == 422 and "Another clinic of this site texts from it" in errors(html)[0]
    assert "Oak" not in html and f'value="{theirs}"' in html and sender(clinic) == ""
    assert save(desk, sender=theirs, share_sender="y").status_code == 303
    assert sender(clinic) == theirs and shared() == [{"sender": theirs}]


def test_a_manager_neither_sees_nor_sets_it(client, clinic, oak):
    with transaction() as session:
        session.execute(update(Clinic).where(Clinic.id == clinic.id).values(sender=FREE))
    desk = desk_of(client, clinic, "manager")
    html = page(desk, "/settings/texting")
    assert 'name="sender"' not in html and "An administrator can change that" in html
    assert save(desk, sender=THEIRS, share_sender="y", daily_cap="77").status_code == 303
    assert sender(clinic) == FREE and db.session.get(Clinic, clinic.id, populate_existing=True).daily_cap == 77


@pytest.mark.parametrize("role", ["reception", "manager", "auditor"])
def test_no_other_role_sets_it_by_whatever_door(app, clinic, now, role):
    staff = factories.a_staff(clinic, role=role)
    names = clinics.TextingFacts.__dataclass_fields__
    facts = clinics.TextingFacts(**{name: getattr(clinic, name) for name in names if name != "sender"}, sender=FREE)
    change = {"clinic_id": clinic.id, "facts": facts, "version": clinic.version, "now": now}
    with pytest.raises(clinics.OnlyAnAdministrator):
        clinics.change_texting(**change, by=Actor("staff", staff.name, staff.id))
    assert sender(clinic) == ""


def test_going_back_to_the_sites_own_sender_is_never_asked_about(client, clinic, oak):
    desk = desk_of(client, clinic, "administrator")
    save(desk, sender=FREE)
    assert save(desk, sender="").status_code == 303 and sender(clinic) == "" and shared() == []
