"""Every field of every form, found from the pages, with what no person types: refused in words, never a 500."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Response
from flask.testing import FlaskClient

from reminder_site.db import db
from reminder_site.web import access
from tests import factories
from tests.web.desk import page, token
from tests.web.forms import forms_of
from tests.web.routes import PLAUSIBLE, a_full_clinic, every

WEB = Path(__file__).parents[2] / "reminder_site" / "web"
ENDS_THE_SESSION = {"accounts.sign_out", "accounts.switch_clinic"}
FROM_OUTSIDE = ("/sign-in", "/set-up", "/sign-in/link/nothing")
KEPT = {"csrf_token", "nonce", "page_token"}  # without these a form is refused before it is read
ODD = {
    "nul": "a\0b",
    "half a letter": b"%ED%A0%80",
    "not utf-8": b"%FF%FE",
    "ten to the thirty": "1" + "0" * 30,
    "minus": "-1" + "0" * 30,
    "infinite": "1e999",
    "turned round": "\u202eabc\u2066",
    "nothing": "",
    "blank": " \t\u00a0\u3000",
    "nothing that shows": "\u200b\u2060\ufeff",
    "other digits": "١٢٣٤",
    "digits that are no numbers": "²③",
    "beyond the first plane": "𝟙𝟚😀",
    "never a character": "\uffff\ufdd0",
    "line breaks": "a\r\nb\u2028c",
    "last day": "9999-12-31",
    "first day": "0001-01-01",
    "no such time": "24:61",
    "a list": ["x", "y", "\0"],
    "long": "x" * 20_000,
}

# All are tried on PostgreSQL, which refuses more; of numbers and days SQLite has its own opinion.
ON_SQLITE = {
    "ten to the thirty",
    "minus",
    "infinite",
    "half a letter",
    "other digits",
    "last day",
    "first day",
    "a list",
}


def encoded(fields):
    """Write fields as a browser would, but for bytes, which are written already."""
    pairs = []
    for name, value in fields:
        for one in value if isinstance(value, list) else [value]:
            pairs.append(f"{quote(name)}=" + (one.decode() if isinstance(one, bytes) else quote(one)))
    return "&".join(pairs)


class Mischief:
    """Sends forms with odd things in them and notes what the site could not cope with."""

    def __init__(self, app, client):
        self.app, self.client, self.failed, self.sent = app, client, [], 0
        on_sqlite = app.extensions["settings"].database_url.startswith("sqlite")
        self.oddities = {name: odd for name, odd in ODD.items() if name in ON_SQLITE or not on_sqlite}
        self.one_by_one = ["ten to the thirty"] if on_sqlite else ["nul", "ten to the thirty"]

    def post(self, address, fields, what):
        """Send a form; an exception that reaches us would have been a 500."""
        self.sent += 1
        body = encoded(fields)
        try:
            kind = "application/x-www-form-urlencoded"
            answer = self.client.post(address.partition("#")[0], data=body, content_type=kind)
            status = answer.status_code
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            db.session.rollback()
            status = f"{type(error).__name__}: {str(error)[:120]}"
        if status not in range(500):
            self.failed.append((address, what, status))

    def spoil(self, form):
        """Send a form with each oddity in all its fields, and with some of them in one field after the other."""
        own = [name for name, _ in form.fields if name not in KEPT and not name.endswith("csrf_token")]
        for oddity, value in self.oddities.items():
            self.post(form.action, [(n, value if n in own else v) for n, v in form.fields], ("all", oddity))
        for spoilt in dict.fromkeys(own):
            for oddity in self.one_by_one:
                fields = [(name, ODD[oddity] if name == spoilt else value) for name, value in form.fields]
                self.post(form.action, fields, (spoilt, oddity))
            if len(self.one_by_one) > 1:
                self.post(form.action, [(n, v) for n, v in form.fields if n != spoilt], (spoilt, "left out"))


def different(forms):
    """Leave out forms that differ in no address and no field from one before."""
    return {(re.sub(r"\?.*", "", form.action), *(name for name, _ in form.fields)): form for form in forms}.values()


@pytest.fixture
def client(app):
    """A browser that does not check the pages: there are thousands, and their well-formedness is proved elsewhere."""
    return FlaskClient(app, Response)


@pytest.fixture
def mischief(app, client):
    return Mischief(app, client)


def forms_on(client, urls):
    found = []
    for url in urls:
        answer = client.get(url)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            found += forms_of(answer.get_data(as_text=True), url)
    return different(found)


@pytest.mark.slow
def test_no_form_of_the_desk_makes_the_site_stumble(app, client, mischief):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="administrator", name="Alice")
    routes = app.url_map.bind("localhost")
    pages = [url for endpoint, _, url in every(app, filled) if endpoint in access.STAFF]
    for form in forms_on(client, pages):
        if routes.match(form.action.partition("?")[0], method="POST")[0] not in ENDS_THE_SESSION:
            mischief.spoil(form)
    assert mischief.sent > 500
    assert not mischief.failed, "\n".join(map(str, mischief.failed))


def test_no_address_that_takes_forms_makes_the_site_stumble(app, client, mischief):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="administrator", name="Alice")
    names = {*PLAUSIBLE, *re.findall(r'(?:form\.get|args\.get|getlist)\("(\w+)"', source())}
    csrf = token(page(client, "/account"))
    for endpoint, _, url in every(app, filled, methods=("POST",)):
        if endpoint in access.STAFF - ENDS_THE_SESSION:
            for oddity, value in mischief.oddities.items():
                mischief.post(url, [("csrf_token", csrf), *((name, value) for name in sorted(names))], oddity)
    assert not mischief.failed, "\n".join(map(str, mischief.failed))


def test_no_form_from_outside_makes_the_site_stumble(app, client, mischief, clinic):
    for form in forms_on(client, ["/set-up"]):
        mischief.spoil(form)
    _, filled = a_full_clinic("Oak Clinic")
    patients = [url for endpoint, _, url in every(app, filled) if endpoint in access.SIGNED_LINK]
    for form in forms_on(client, [*FROM_OUTSIDE, *patients]):
        mischief.spoil(form)
    assert not mischief.failed, "\n".join(map(str, mischief.failed))


def test_nothing_asked_for_in_an_address_makes_the_site_stumble(app, client, mischief):
    clinic, filled = a_full_clinic()
    factories.sign_in(client, clinic, role="administrator", name="Alice")
    asked = sorted(set(re.findall(r'args\.get(?:list)?\("(\w+)"', source())))
    for _, _, url in every(app, filled):
        for value in mischief.oddities.values():
            mischief.client.get(f"{url}?{encoded([(name, value) for name in asked])[:8_000]}")


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "é.example", "[::1", "a:b:c", "", "x" * 300, "localhost:x"])
def test_a_host_that_cannot_be_is_refused_with_the_headers(client, clinic, host):
    factories.a_staff(clinic)
    for url in ("/sign-in", "/nowhere", "/m/nothing"):
        answer = client.get(url, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 400 and "Content-Security-Policy" in answer.headers, url


def source():
    return "".join(path.read_text() for path in WEB.rglob("*.py"))
