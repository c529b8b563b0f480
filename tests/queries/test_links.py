"""A link opens its own appointment while it lives; the desk is shown the one that works."""

import hmac
from base64 import urlsafe_b64encode

import pytest

from reminder_site.actions import links as writing
from reminder_site.config import settings
from reminder_site.db import transaction
from reminder_site.models import ManageLink
from reminder_site.queries import links
from tests import factories
from tests.texting import link_to


@pytest.fixture
def visits(clinic):
    """Carol's and Tim's appointments."""
    return [factories.an_appointment(clinic, factories.a_patient(clinic, name)) for name in ("Carol", "Tim")]


def token(visit, now):
    return link_to(visit, now).rpartition("/")[2]


def dies_at(visit):
    return visit.starts_at.add(minutes=visit.duration_minutes, hours=writing.LIVES_ON_HOURS)


def test_a_link_opens_its_own_appointment_and_no_other(visits, now):
    tokens = [token(visit, now) for visit in visits]
    assert [links.find(each, now=now).first_name for each in tokens] == ["Carol", "Tim"]
    assert links.find("x" * 12, now=now) is None


def test_a_link_opens_to_its_last_moment_and_not_once_it_is_revoked(visits, now):
    carols, tims = (token(visit, now) for visit in visits)
    ends_at = dies_at(visits[0])
    assert links.find(carols, now=ends_at.subtract(microseconds=1))
    assert links.find(carols, now=ends_at) is None
    with transaction() as session:
        writing.revoke(session, visits[0].id, now=now)
    assert links.find(carols, now=now) is None and links.find(tims, now=now)


def test_the_desk_is_shown_the_address_that_works(visits, now):
    carol = visits[0]
    assert links.url_of(key=carol.id, now=now) == ""
    addresses = [f"http://localhost{link_to(visit, now)}" for visit in visits]
    assert [links.url_of(key=visit.id, now=now) for visit in visits] == addresses
    assert links.url_of(key=carol.id, now=dies_at(carol)) == ""
    with transaction() as session:
        writing.revoke(session, carol.id, now=now)
    assert links.url_of(key=carol.id, now=now) == ""
    again = link_to(carol, now)
    assert links.url_of(key=carol.id, now=now) == f"http://localhost{again}" != addresses[0]


def test_a_long_link_sent_before_opens_and_is_the_one_that_later_texts_carry(visits, now):
    carol, digest = visits[0], hmac.digest(settings().keys("link")[0], b"a nonce of before", "sha256")
    before = urlsafe_b64encode(digest).decode()[:22]
    with transaction() as session:
        hashed = links.token_hash(before)
        link = ManageLink(
            appointment_id=carol.id, nonce="a nonce of before", token_hash=hashed, expires_at=dies_at(carol)
        )
        session.add(link)
    assert links.find(before, now=now).first_name == "Carol"
    assert token(carol, now) == before
    sent = f"See you. http://localhost/m/{before} or call us"
    assert writing.as_sent("See you. {{link}} or call us").fullmatch(sent)
    assert writing.as_sent("See you. {{link}} or call us").fullmatch(sent.replace(before, token(visits[1], now)))
