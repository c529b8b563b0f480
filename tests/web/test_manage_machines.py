"""Programs that open patients' links: scanners read, follow, render, and press. None may cancel."""

import re
from datetime import datetime

import pytest

from tests.factories import a_patient, an_appointment
from tests.patients_page import page_token, post, wait
from tests.texting import coming, fresh, link_to

IN_ORDER, REVERSED = 1, -1
READING = [(method, place) for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
           for place in ("", "/answer", "/undo", "/appointment.ics", "?told=done", "/")]  # fmt: skip


def forms(page):
    """The answers of a page's forms, in their order, and the token they share."""
    answers = [
        name or "undo" for name in re.findall(r'<button[^>]*type="submit"(?: name="answer" value="(\w+)")?', page)
    ]
    return answers, page_token(page) if answers else ""


def one(answer, *, after):
    """Press one button so many seconds after the page."""

    def presses(client, path):
        token = page_token(client.get(path).text)
        wait(client, after)
        post(client, path, token, answer)

    return presses


def everything(order, *, after, deep=1):
    """Press all buttons of a page, and all of each page that comes of it."""

    def presses(client, path, page=None, left=deep):
        answers, token = forms(page or client.get(path).text)
        wait(client, after)
        found = [post(client, path, token, answer).text for answer in answers[::order]]
        for each in found if left > 1 else ():
            presses(client, path, each, left - 1)

    return presses


def on_the_second_page(*answers, first=2, then=2, between=0):
    """Press "I can't come" and then buttons of the page that asks to be sure."""

    def presses(client, path):
        token = page_token(client.get(path).text)
        wait(client, first)
        token = page_token(post(client, path, token, "cannot_come").text)
        wait(client, then)
        for answer in answers:
            post(client, path, token, answer)
            wait(client, between)

    return presses


def in_turn(*answers, between=2):
    """Press several buttons of one page, one after the other."""

    def presses(client, path):
        token = page_token(client.get(path).text)
        for answer in answers:
            wait(client, between)
            post(client, path, token, answer)

    return presses


def head_first(client, path):
    """Ask for the head of the form's address, then press, as checkers of links do."""
    token = page_token(client.get(path).text)
    wait(client)
    client.head(f"{path}/answer")
    post(client, path, token, "change")


def as_if_sure(client, path):
    """Turn the first page's token into one of the second page."""
    token = page_token(client.get(path).text)
    wait(client)
    post(client, path, re.sub("_0_(?=[0-9a-f]+$)", "_1_", token), "cannot_come")


PRESSING = {
    "confirm at once": one("confirm", after=0),
    "another time at once": one("change", after=0),
    "cannot come at once": one("cannot_come", after=0),
    "another time after 1.4 s": one("change", after=1.4),
    "cannot come after 1.4 s": one("cannot_come", after=1.4),
    "cannot come, not sure": one("cannot_come", after=2),
    "everything at once": everything(IN_ORDER, after=0),
    "everything at once, to the third page": everything(IN_ORDER, after=0, deep=3),
    "everything at a person's pace": everything(IN_ORDER, after=2),
    "everything backwards": everything(REVERSED, after=2),
    "everything, to the third page": everything(IN_ORDER, after=2, deep=3),
    "everything backwards, to the third page": everything(REVERSED, after=2, deep=3),
    "sure at once": on_the_second_page("cannot_come", then=0),
    "sure after 1.4 s": on_the_second_page("cannot_come", then=1.4),
    "yes and no": on_the_second_page("cannot_come", "keep", between=2),
    "no and yes": on_the_second_page("keep", "cannot_come"),
    "cannot come ten times on the first page": in_turn(*["cannot_come"] * 10),
    "another time, then cannot come": in_turn("change", "cannot_come"),
    "head, then press": head_first,
    "a token made up": as_if_sure,
}


@pytest.fixture(autouse=True)
def no_tries_yet(app):
    for limiter in app.extensions["limiter"]:
        limiter.reset()


@pytest.fixture
def visit(clinic):
    return an_appointment(clinic, a_patient(clinic), datetime(2026, 11, 20, 14, 30))


@pytest.fixture
def path(visit, now):
    return link_to(visit, now)


def test_fifty_behaviours_are_tried_and_twenty_press():
    assert (len(READING), len(PRESSING)) == (30, 20)


@pytest.mark.parametrize("behaviour", PRESSING)
def test_a_program_that_presses_cancels_nothing_and_stops_no_reminder(client, path, visit, behaviour):
    planned = len(coming(visit))
    PRESSING[behaviour](client, path)
    after = fresh(visit)
    assert (after.state, after.starts_at) == ("booked", visit.starts_at)
    assert after.answer in {"none", "confirmed"}
    assert len(coming(visit)) == planned


def test_programs_that_only_read_change_nothing(client, path, visit):
    client.get(path)
    for method, place in READING:
        client.open(f"{path}{place}", method=method)
    after = fresh(visit)
    assert (after.state, after.answer, after.version) == ("booked", "none", visit.version)


def test_a_person_is_not_taken_for_a_program_that_had_the_link_before(client, path, visit):
    for behaviour in ("everything at once", "yes and no", "head, then press", "a token made up"):
        PRESSING[behaviour](client, path)
    for answer, stands in (("confirm", "confirmed"), ("change", "change_wanted")):
        one(answer, after=1.5)(client, path)
        assert fresh(visit).answer == stands
    on_the_second_page("cannot_come", first=1.5, then=1.5)(client, path)
    assert fresh(visit).state == "cancelled"


def test_a_press_that_came_too_fast_gets_the_page_again(client, path, visit):
    token = page_token(client.get(path).text)
    again = post(client, path, token, "confirm")
    assert (again.status_code, fresh(visit).answer) == (200, "none")
    assert "Please press once more" in again.text and page_token(again.text) != token
    wait(client)
    assert "you are coming" in post(client, path, page_token(again.text), "confirm").text


def test_a_patients_cancellation_outlives_a_program_that_presses(client, path, visit):
    on_the_second_page("cannot_come")(client, path)
    in_turn("undo", "change")(client, path)
    assert (fresh(visit).state, fresh(visit).answer) == ("cancelled", "cannot_come")
