"""Pages that come quickly over a bad line: what goes over the wire at the first visit and afterwards."""

import gzip
import re
from datetime import datetime, timedelta

import pytest

from tests import factories
from tests.texting import link_to

PATIENT_PAGE_BYTES = 30_000
FIRST_VISIT_BYTES = 60_000
AFTERWARDS_BYTES = 15_000
ROWS = 40
ZIPPED = {"Accept-Encoding": "gzip"}


def file(client, url, **headers):
    """Ask for a file; return the status, its mark and its size."""
    with client.get(url, headers=headers) as answer:
        return answer.status_code, answer.headers.get("ETag"), len(answer.data)


def over_the_wire(client, url):
    """Return a page and how many bytes it has on its way, together with all that it needs."""
    answer = client.get(url, headers=ZIPPED)
    assert answer.status_code == 200
    page = gzip.decompress(answer.data) if answer.headers.get("Content-Encoding") == "gzip" else answer.data
    html = page.decode()
    needed = set(re.findall(r"(?:href|src)=\"(/static/[^\"]+)\"", html))
    assert len(needed) >= 3
    return html, len(answer.data), sum(file(client, each)[2] for each in needed)


@pytest.fixture
def long_day(client, clinic):
    """The desk on a day with 40 appointments."""
    factories.sign_in(client, clinic)
    with factories.at_once():
        for number in range(ROWS):
            patient = factories.a_patient(clinic, f"Given{number}", f"Family{number}")
            factories.an_appointment(clinic, patient, datetime(2026, 11, 2, 9, 30) + timedelta(minutes=10 * number))
    return client


def test_a_long_day_list_stays_light(long_day):
    html, page, rest = over_the_wire(long_day, "/")
    assert html.count('class="patient"') == ROWS
    assert page + rest <= FIRST_VISIT_BYTES
    assert page <= AFTERWARDS_BYTES


def test_after_the_first_visit_only_the_page_itself_comes_again(long_day):
    html = long_day.get("/").get_data(as_text=True)
    for needed in set(re.findall(r"\"(/static/[^\"]+)\"", html)):
        _status, mark, _size = file(long_day, needed)
        assert file(long_day, needed, **{"If-None-Match": mark})[0] == 304


@pytest.mark.parametrize("answer", ["none", "confirmed", "change_wanted", "cannot_come"])
def test_the_patients_page_with_all_it_needs_is_small_even_where_nothing_is_compressed(client, clinic, now, answer):
    made = factories.an_appointment(clinic, factories.a_patient(clinic), answer=answer)
    url = link_to(made, now)
    _html, _page, rest = over_the_wire(client, url)
    assert len(client.get(url).data) + rest <= PATIENT_PAGE_BYTES


def test_a_browser_that_takes_no_gzip_gets_the_page_as_it_is(long_day):
    for headers in ({}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip;q=0"}):
        answer = long_day.get("/", headers=headers)
        assert "Content-Encoding" not in answer.headers and answer.data.lstrip().startswith(b"<!doctype html>")
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_the_size_of_a_page_does_not_tell_what_it_holds(client, clinic):
    factories.a_staff(clinic)
    sizes = {len(client.get("/sign-in", headers=ZIPPED).data) for _ in range(12)}
    assert len(sizes) > 3
