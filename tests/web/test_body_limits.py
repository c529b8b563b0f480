"""How much may be sent at once: nobody from outside gets a long page drawn from what she sent."""

import pytest
from sqlalchemy import update

from reminder_site.db import transaction
from reminder_site.models import StaffSession
from reminder_site.web.body_limits import FROM_OUTSIDE_BYTES, MOST_FIELDS
from tests import factories
from tests.web.desk import page, token

pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)
LONG = "x" * FROM_OUTSIDE_BYTES


@pytest.mark.parametrize("url", ["/sign-in", "/set-up", "/patients/new", "/m/nothing/answer"])
def test_from_outside_nothing_long_is_taken(client, clinic, url):
    if url != "/set-up":
        factories.a_staff(clinic)
    form = {"csrf_token": token(page(client, "/set-up" if url == "/set-up" else "/sign-in")), "email": LONG}
    answer = client.post(url, data=form)
    assert answer.status_code == 413 and len(answer.data) < 10_000


def test_whoever_is_signed_in_may_send_more_but_not_everything(client, clinic):
    factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), "first_name": LONG}
    assert client.post("/patients/new", data=form).status_code == 422
    assert client.post("/patients/new", data={**form, "first_name": LONG * 4}).status_code == 413


def test_a_long_form_whose_session_has_ended_is_still_kept_for_its_sender(client, clinic):
    factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), "first_name": "é" * 20_000}
    with transaction() as session:
        session.execute(update(StaffSession).values(ended_at=factories.MONDAY))
    assert client.post("/patients/new", data=form).location == "/sign-in"
    assert "What you typed is kept" in page(client, "/sign-in")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_more_fields_than_any_form_has_are_refused(client, clinic, kind):
    factories.sign_in(client, clinic)
    form = {"csrf_token": token(page(client, "/patients/new")), "a": ["1"] * MOST_FIELDS}
    assert client.post("/patients/new", data=form, content_type=kind).status_code == 413
