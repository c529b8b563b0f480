"""The patient's page: what it says, what its buttons do, and that nothing but a button does anything."""

import re
from datetime import datetime

import pytest
from sqlalchemy import text as sql

from reminder_site.db import Base, db, transaction
from reminder_site.models import Appointment, InboundMessage, ManageLink
from tests.factories import a_patient, an_appointment
from tests.patients_page import page_token, post, press, wait
from tests.texting import coming, fresh, last_text, link_to

BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1)", "Mozilla/5.0 (compatible; bingbot/2.0)", "Slackbot-LinkExpanding 1.0",
    "Slack-ImgProxy", "facebookexternalhit/1.1", "WhatsApp/2.23", "TelegramBot (like TwitterBot)", "Twitterbot/1.0",
    "LinkedInBot/1.0", "Discordbot/2.0", "SkypeUriPreview", "Microsoft Office Protocol Discovery", "ms-office",
    "Mozilla/5.0 MicrosoftPreview/2.0", "SafeLinks", "ProofpointUrlDefense", "Mimecast", "BarracudaCentral",
    "Cisco-Umbrella", "Symantec", "Google-Safety", "GoogleImageProxy", "Applebot/0.1", "iMessageBot", "YandexBot/3.0",
    "DuckDuckBot/1.1", "curl/8.5", "python-requests/2.32", "Wget/1.21", "HeadlessChrome/131.0",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_tries_yet(app):
    for limiter in app.extensions["limiter"]:
        limiter.reset()


@pytest.fixture
def visit(clinic, now):
    return an_appointment(clinic, a_patient(clinic))


@pytest.fixture
def path(visit, now):
    return link_to(visit, now)


def everything():
    """Every row of every table."""
    db.session.rollback()
    return {name: db.session.execute(sql(f'SELECT * FROM "{name}"')).all() for name in Base.metadata.tables}


def test_the_page_says_when_and_where_and_little_else(client, path, visit):
    page = client.get(path)
    for words in ("Hello Carol", "Friday 20 November 2026, 2:30 pm", "12 High St", "(212) 555-0100"):
        assert words in page.text
    assert "Reed" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in page.headers["X-Robots-Tag"]
    assert "Set-Cookie" not in page.headers


def test_the_page_with_all_it_needs_weighs_less_than_30_kb(client, path):
    page = client.get(path)
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert files
    assert len(page.data) + sum(len(client.get(file, buffered=True).data) for file in files) <= 30_000
    assert "<script" not in page.text


def test_each_button_does_what_it_says_and_can_be_undone(client, path, visit):
    assert "The clinic knows that you are coming" in press(client, path, "confirm").text
    assert fresh(visit).answer == "confirmed"
    assert "has been taken back" in press(client, path, "undo").text
    assert fresh(visit).answer == "none"
    cancelled = press(client, path, "cannot_come").text
    assert "Thank you for letting the clinic know" in cancelled
    assert "You can undo it until Friday 20 November 2026, 2:30 pm" in cancelled
    assert (fresh(visit).state, coming(visit)) == ("cancelled", [])
    press(client, path, "undo")
    assert fresh(visit).state == "booked"
    assert coming(visit)


def test_a_wish_for_another_time_reaches_a_person(client, path, visit):
    page = press(client, path, "change", wish="Mondays after 4 <b>please</b>")
    assert "will be in touch about a new time" in page.text
    told = last_text()
    assert (told.body, told.needs_person) == ("Mondays after 4 <b>please</b>", True)
    assert fresh(visit).answer == "change_wanted"


@pytest.mark.parametrize("wish", ["x" * 301, "a\x00b", "turned \u202e round"])
def test_a_wish_nobody_can_read_is_refused_beside_the_field(client, path, visit, wish):
    page = press(client, path, "change", wish=wish)
    assert page.status_code == 422
    assert 'id="wish-error"' in page.text
    assert fresh(visit).answer == "none"


def test_late_notice_is_taken_and_reaches_a_person(client, path, visit, clock):
    clock.set(visit.starts_at.subtract(minutes=30))
    assert "somebody may phone you" in press(client, path, "cannot_come").text
    assert fresh(visit).late_notice
    assert last_text().needs_person


def test_the_page_tells_the_truth_once_it_is_over_or_cancelled(client, path, visit, clock):
    with transaction() as session:
        row = session.get(Appointment, visit.id)
        row.state, row.cancelled_by = "cancelled", "clinic"
    assert "the clinic has cancelled this appointment" in client.get(path).text
    clock.set(visit.starts_at.add(minutes=1))
    page = client.get(path).text
    assert "this appointment is over" in page
    assert "<form" not in page


def test_undo_is_not_offered_once_the_time_was_given_away(client, path, visit):
    press(client, path, "cannot_come")
    with transaction() as session:
        session.get(Appointment, visit.id).cancelled_by = "clinic"
    assert "Undo" not in client.get(path).text


def test_words_beside_an_answer_that_asks_for_none_are_not_kept(client, path, visit):
    press(client, path, "confirm", wish="words of another form")
    assert (fresh(visit).answer, last_text().body) == ("confirmed", "")


@pytest.mark.parametrize("token", ["", "guessed", "0" * 32])
def test_a_post_that_has_not_read_the_page_does_nothing(client, path, visit, token):
    before = everything()
    for act in ("answer", "undo"):
        assert client.post(f"{path}/{act}", data={"answer": "cannot_come", "csrf_token": token}).status_code == 303
    assert everything() == before


def test_an_answer_is_not_taken_back_by_a_post_that_has_not_read_the_page(client, path, visit):
    press(client, path, "confirm")
    assert client.post(f"{path}/undo", data={"csrf_token": "guessed"}).status_code == 303
    assert fresh(visit).answer == "confirmed"


def test_a_button_pressed_twice_acts_once_and_says_what_is_recorded(client, path, visit):
    token = page_token(client.get(path).text)
    wait(client)
    first, again = (post(client, path, token, "confirm").text for _ in range(2))
    for page in (first, again):
        assert '<h1 tabindex="-1" autofocus>Thank you, Carol: you are coming</h1>' in page
        assert "<title>You are coming · Elm Clinic</title>" in page
    assert "had been recorded already" in again and "had been recorded already" not in first
    assert db.session.query(InboundMessage).count() == 1


def test_another_appointments_page_token_is_no_use(client, clinic, path, visit, now):
    other = link_to(an_appointment(clinic, a_patient(clinic, "Ann"), datetime(2026, 11, 25, 9, 0)), now)
    token = page_token(client.get(other).text)
    wait(client)
    assert "please look again" in post(client, path, token, "confirm").text
    assert fresh(visit).answer == "none"


def test_reading_never_changes_anything(client, path):
    client.get(path)
    before = everything()
    for bot in BOTS:
        for method in ("GET", "HEAD", "OPTIONS"):
            for place in (path, f"{path}/answer", f"{path}/undo", f"{path}/appointment.ics"):
                client.open(place, method=method, headers={"User-Agent": bot})
    assert len(BOTS) == 30
    assert everything() == before


def test_the_database_holds_no_usable_link(path):
    token = path.rsplit("/", 1)[1]
    assert re.fullmatch(r"[A-Za-z0-9]{12}", token)
    assert not [row for rows in everything().values() for row in rows if token in str(row)]


def test_a_link_outlives_a_change_of_the_secret(app, path, visit, now):
    known = app.extensions["settings"]
    rotated = {"secret_key": "another-secret-of-more-than-32-bytes-1234", "secret_key_previous": known.secret_key}
    app.extensions["settings"] = type(known)(**{**vars(known), **rotated})
    try:
        assert link_to(visit, now) == path
        app.extensions["settings"] = type(known)(**{**vars(known), **rotated, "secret_key_previous": ""})
        assert link_to(visit, now) != path
    finally:
        app.extensions["settings"] = known
    assert db.session.query(ManageLink).count() == 2
