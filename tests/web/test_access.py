"""The gate: every page in exactly one list, every role only where it belongs, nothing of another clinic."""

import pytest
from sqlalchemy import select

from reminder_site.db import Base, db
from reminder_site.models import Audit
from reminder_site.web import access
from tests import factories
from tests.web.desk import page, token
from tests.web.routes import PLAUSIBLE, SENTINEL, UNSAFE, a_full_clinic, every

LISTS = {
    "public": access.PUBLIC,
    "signed link": access.SIGNED_LINK,
    "signature": access.SIGNATURE,
    "api key": access.API_KEY,
    "reception": access.RECEPTION,
    "manager": access.MANAGER,
    "administrator": access.ADMINISTRATOR,
}
PROVED_OTHERWISE = access.SIGNED_LINK | access.SIGNATURE | access.API_KEY
STAFF_PAGES = access.RECEPTION | access.MANAGER | access.ADMINISTRATOR
LEAVES = {"accounts.sign_out"}
READS = "patient_read"  # whose page was opened is written down (tests/web/test_audit.py), nothing else is


def everything():
    """Return all rows of all tables, to see whether anything changed."""
    db.session.rollback()
    return {
        name: db.session.execute(select(table).order_by(*table.primary_key)).all()
        for name, table in Base.metadata.tables.items()
    }


def refusals():
    db.session.rollback()
    return db.session.scalars(select(Audit.subject).where(Audit.what == "access.refused")).all()


def test_every_endpoint_stands_in_exactly_one_list(app):
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    counted = {endpoint: [name for name, held in LISTS.items() if endpoint in held] for endpoint in endpoints}
    assert {endpoint: lists for endpoint, lists in counted.items() if len(lists) != 1} == {}
    assert set().union(*LISTS.values()) <= endpoints, "a list names an endpoint that does not exist"


def test_nobody_who_is_not_signed_in_sees_a_staff_page(app, client):
    _, filled = a_full_clinic()
    for endpoint, _, url in every(app, filled):
        if endpoint in STAFF_PAGES:
            answer = client.get(url)
            assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/sign-in"), url


def test_an_endpoint_in_no_list_is_refused(client, clinic, monkeypatch):
    factories.sign_in(client, clinic, role="administrator")
    monkeypatch.setattr(access, "ROLES_OF", {})
    assert client.get("/settings").status_code == 403


@pytest.mark.parametrize("role", ["reception", "manager", "auditor", "administrator"])
def test_a_role_opens_its_own_pages_and_no_others(app, client, role):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role=role)
    form_token = token(page(client, "/account"))
    refused = []
    for endpoint, method, url in every(app, filled, methods={"GET", "POST"}):
        if endpoint not in STAFF_PAGES - LEAVES:
            continue
        allowed = role in access.roles_for(endpoint, method)
        answer = client.open(url, method=method, data={"csrf_token": form_token} if method == "POST" else None)
        assert (answer.status_code == 403) == (not allowed), (role, method, url, answer.status)
        refused += [endpoint] if not allowed else []
    assert sorted(refusals()) == sorted(refused)


def test_an_auditor_changes_nothing(app, client):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="auditor")
    form_token = token(page(client, "/account"))
    before = everything()
    for endpoint, _, url in every(app, filled, methods={"POST"}):
        if endpoint in STAFF_PAGES - access.OWN_ACCOUNT:
            client.post(url, data={"csrf_token": form_token, "name": "x", "body": "x", "q": "x"})
    after = everything()
    assert {name for name in before if before[name] != after[name]} <= {"audit", READS}


def test_every_unsafe_route_asks_for_the_form_token(app, client):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="administrator")
    before = everything()
    for endpoint, method, url in every(app, filled, methods=UNSAFE):
        if endpoint in PROVED_OTHERWISE or endpoint == "set_up.first_run":
            continue
        # The sign-in page says it beside what was typed; every other one says it on a page of its own.
        expected = 422 if endpoint == "accounts.sign_in" else 400
        for forged in ({}, {"csrf_token": "forged"}):
            assert client.open(url, method=method, data=forged).status_code == expected, (method, url)
    assert everything() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_at_every_page_changes_no_row(app, client, method):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="administrator")
    before = everything()
    for _, _, url in every(app, filled):
        assert client.open(url, method=method).status_code < 500 or url == "/healthz", url
    after = everything()
    opened = after.pop(READS), before.pop(READS)
    assert after == before and (opened[0] != opened[1]) == (method == "GET")


def test_another_clinics_things_do_not_exist(app, client):
    _, theirs = a_full_clinic()
    factories.sign_in(client, factories.a_clinic("Oak Clinic"), role="administrator", name="Bob")
    form = {"csrf_token": token(page(client, "/account")), **PLAUSIBLE}
    nobodys = {
        **theirs,
        **{name: "AAAAAAAAAAAAAAAA" for name in theirs if name.endswith("_id")},
        "closed_on": "2027-01-08",
    }
    before = everything()
    for one, other in zip(*(every(app, filled, methods={"GET", "POST"}) for filled in (theirs, nobodys)), strict=True):
        endpoint, method, url = one
        if endpoint not in STAFF_PAGES or url == other[2]:
            continue
        answers = [client.open(address, method=method, data=form) for address in (url, other[2])]
        expected = {404} if method == "GET" else {400, 404, 422}
        assert {answer.status_code for answer in answers} <= expected, (method, url, answers[0].status)
        assert answers[0].status_code == answers[1].status_code, (method, url)
    assert everything() == before


def test_no_page_shows_a_word_of_another_clinic(app, client):
    _, theirs = a_full_clinic()
    own = factories.a_clinic("Oak Clinic")
    factories.sign_in(client, own, role="administrator", name="Bob")
    for _, _, url in every(app, theirs):
        if not url.startswith("/m/"):
            assert SENTINEL not in client.get(url).get_data(as_text=True), url
