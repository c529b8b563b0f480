"""How long a clinic keeps things is a manager's to set."""

import pytest
from sqlalchemy import select

from reminder_site.db import db
from reminder_site.models import Audit, Clinic
from tests import factories
from tests.web.desk import errors, page, send

TYPED = {"texts_kept_days": "60", "receipts_kept_days": "30", "appointments_kept_months": "36", "version": "1"}
URL = "/settings/keeping"


@pytest.fixture
def manager(client, clinic):
    factories.sign_in(client, clinic, role="manager")
    return client


def test_a_manager_sets_how_long_things_are_kept(manager, clinic):
    assert send(manager, URL, TYPED).status_code == 303
    db.session.rollback()
    row = db.session.get(Clinic, clinic.id, populate_existing=True)
    assert (row.texts_kept_days, row.receipts_kept_days, row.appointments_kept_months) == (60, 30, 36)
    facts = db.session.scalar(select(Audit.facts).where(Audit.what == "retention.changed"))
    assert facts == {"texts_kept_days": 60, "appointments_kept_months": 36}
    assert 'value="60"' in page(manager, URL)


def test_too_short_or_too_long_is_refused_beside_the_field(manager):
    answer = send(manager, URL, TYPED | {"texts_kept_days": "3", "receipts_kept_days": ""})
    assert answer.status_code == 422
    found = errors(answer.get_data(as_text=True))
    assert found == ["Give a whole number from 30 to 3,650.", "Give a whole number from 7 to 365."]


def test_whoever_saves_second_sees_both_versions(manager):
    send(manager, URL, TYPED)
    answer = send(manager, URL, TYPED | {"texts_kept_days": "120"})
    assert answer.status_code == 409
    html = answer.get_data(as_text=True)
    assert "60" in html and 'value="120"' in html
