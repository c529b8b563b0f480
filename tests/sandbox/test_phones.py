"""The phones as pages, without JavaScript: what is shown, what the buttons do, and that the page is safe."""

import html5lib
import pytest
import requests
from bs4 import BeautifulSoup

from reminder_site.sandbox import optout
from tests.sandbox.conftest import PATIENT, START

OTHER = "+12025550177"


@pytest.fixture
def browser(sandbox):
    """A browser without JavaScript that checks every page it gets."""
    session = requests.Session()

    def visit(path="/", data=None):
        answer = session.request("POST" if data else "GET", sandbox.url + path, data=data, timeout=10)
        assert answer.status_code == 200, answer.text
        assert [hop.status_code for hop in answer.history] == ([303] if data else [])
        html5lib.HTMLParser(strict=True).parse(answer.text)
        return BeautifulSoup(answer.text, "html.parser")

    visit.session = session
    yield visit
    session.close()


def words(page, selector):
    return [" ".join(part.get_text(" ").split()) for part in page.select(selector)]


def test_an_empty_sandbox_says_what_will_come(browser):
    page = browser()
    assert words(page, "h1") == ["A phone in waiting"]
    assert "the patient’s phone appears here" in words(page, "#people")[0]


def test_a_text_arrives_on_its_phone(sandbox, browser):
    sandbox.text("Elm Clinic: see you <b>soon</b>")
    sandbox.settle()
    page = browser()
    assert words(page, "h1") == ["+1 202-555-0123"]
    assert words(page, ".bubble.in p") == ["Elm Clinic: see you <b>soon</b>"]
    assert page.select_one(".bubble.in time")["datetime"] == "2026-03-02T09:00:00+00:00"
    assert words(page, ".day") == ["Today"]


def test_the_number_asked_for_is_shown_however_it_is_typed(sandbox, browser):
    sandbox.text("for you")
    sandbox.settle()
    assert words(browser("/?number=%2B1 (202) 555-0177"), ".bubble") == []
    assert words(browser("/?number=1 202 555 0123"), ".bubble.in p") == ["for you"]


def test_an_answer_and_the_buttons_reach_the_site(sandbox, browser, listener):
    sandbox.text("Reply 1")
    sandbox.settle()
    page = browser("/reply", {"number": PATIENT, "word": "1"})
    page = browser("/reply", {"number": PATIENT, "body": "on my way"})
    assert [heard.form["Body"] for heard in listener.heard] == ["1", "on my way"]
    assert words(page, ".bubble.out p") == ["1", "on my way"]
    assert words(browser("/reply", {"number": PATIENT, "word": "STOP"}), ".bubble.in p")[-1] == optout.STOPPED


def test_a_phone_can_text_first(sandbox, browser, listener):
    page = browser("/reply", {"number": OTHER, "body": "hello?"})
    assert words(page, "h1") == ["+1 202-555-0177"]
    assert listener.heard[0].form["From"] == OTHER


def test_an_answer_that_the_site_did_not_take_says_so(browser, listener):
    listener.answers.append((500, "text/plain", "no"))
    assert words(browser("/reply", {"number": PATIENT, "word": "2"}), ".warn") == ["The site did not take this (11200)"]


@pytest.mark.parametrize("form", [{"number": "nobody", "word": "1"}, {"number": PATIENT, "body": " "}])
def test_an_answer_that_cannot_be_sent_is_refused_in_words(browser, listener, form):
    assert len(words(browser("/reply", form), ".problem")) == 1
    assert listener.heard == []


def test_the_clock_goes_forward_by_button_and_to_the_next_text(sandbox, browser):
    sandbox.schedule(START.add(days=3), "waiting text")
    page = browser()
    assert words(page, "#scheduled li") == ["Thu 5 Mar, 9:00 am +1 202-555-0123 waiting text"]
    for step in ("quarter", "hour", "day"):
        browser("/clock", {"step": step})
    assert sandbox.ask("GET", "clock")[1]["now"].startswith("2026-03-03T10:15:00")
    page = browser("/clock", {"step": "next"})
    assert words(page, ".bubble.in p") == ["waiting text"]
    assert words(page, "#now time") == ["Today, 9:00 am"]
    assert words(page, "#scheduled li") == ["Nothing waits here."]


def test_the_clock_can_be_set_in_the_zone_shown_and_stopped(sandbox, browser):
    browser("/zone", {"zone": "America/New_York"})
    page = browser("/clock", {"at": "2026-07-01T10:30"})
    assert sandbox.ask("GET", "clock")[1] == {"now": "2026-07-01T14:30:00.000000Z", "speed": 0.0}
    assert words(page, "#now") == ["Today, 10:30 am America/New_York · stopped"]
    browser("/clock", {"step": "go"})
    assert sandbox.ask("GET", "clock")[1]["speed"] == 1
    assert words(browser("/clock", {"at": "soon"}), ".problem") == ["Give a date and a time."]
    assert len(words(browser("/zone", {"zone": "Mars/Base"}), ".problem")) == 1


def test_the_troubles_are_switched_and_cleared(sandbox, browser):
    form = {"kind": "error_after", "often": "0.5", "latency_ms": "20", "lost": "1", "scheduled_cap": "3"}
    page = browser("/troubles", form)
    faults = sandbox.ask("GET", "faults")[1]
    assert [(rule["kind"], rule["probability"]) for rule in faults["rules"]] == [("error_after", 0.5)]
    assert (faults["latency_ms"], faults["callbacks"]["lost"], faults["scheduled_cap"]) == (20, 1, 3)
    assert page.select_one("option[value=error_after]").has_attr("selected")
    assert page.select_one("input[name=lost]").has_attr("checked")
    browser("/troubles", {"clear": "1"})
    assert sandbox.ask("GET", "faults")[1]["rules"] == []


def test_a_phone_can_be_made_unreachable(sandbox, browser):
    browser("/carrier", {"number": PATIENT, "status": "undelivered"})
    sandbox.text("lost words")
    sandbox.settle()
    page = browser()
    assert words(page, ".bubble.in") == []
    assert words(page, ".bubble.note p") == [
        "Did not arrive: undelivered 30003 Unreachable destination handset: “lost words”"
    ]


def test_the_page_forbids_anything_in_line_and_anything_from_elsewhere(sandbox, browser):
    page = browser()
    policy = browser.session.get(sandbox.url, timeout=10).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert not page.select("[style], [onclick], style, script:not([src])")
    for part in page.select("link[rel=stylesheet], script"):
        answer = browser.session.get(sandbox.url + (part.get("href") or part.get("src")), timeout=10)
        assert answer.status_code == 200


def test_another_site_cannot_press_the_buttons(sandbox, browser):
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = browser.session.post(f"{sandbox.url}/reply", {"number": PATIENT, "word": "1"}, headers=headers, timeout=10)
    assert (answer.status_code, sandbox.held()) == (403, [])


def test_reading_pages_changes_nothing(sandbox, browser):
    sandbox.schedule(START.add(days=1))
    before = sandbox.held()
    for path in ("/", f"/?number={PATIENT}", "/?number=%00&problem=x", "/look/sandbox.css"):
        browser.session.get(sandbox.url + path, timeout=10)
        browser.session.head(sandbox.url + path, timeout=10)
    assert sandbox.held() == before
