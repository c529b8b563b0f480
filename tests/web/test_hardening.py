"""Small things of the web server that nobody sees: methods, content types, folders, what plugins may load."""

import pytest

from tests import factories
from tests.web.desk import page


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "PROPFIND"])
def test_methods_that_nothing_uses_are_refused(client, clinic, method):
    factories.sign_in(client, clinic)
    assert client.open("/account", method=method).status_code == 405


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/sign-in", "text/html; charset=utf-8"),
        ("/healthz", "application/json"),
        ("/static/css/tokens.css", "text/css; charset=utf-8"),
        ("/static/js/once.js", "text/javascript; charset=utf-8"),
        ("/nowhere", "text/html; charset=utf-8"),
    ],
)
def test_every_answer_says_what_it_is(client, clinic, url, kind):
    factories.a_staff(clinic)
    assert client.get(url).headers["Content-Type"] == kind


@pytest.mark.parametrize(
    "url", ["/static/", "/static/css/", "/static/../.env", "/static/%2e%2e/.env", "/.git/config", "/.env"]
)
def test_no_folder_is_listed_and_nothing_beside_the_static_files_is_served(client, clinic, url):
    factories.a_staff(clinic)
    assert client.get(url).status_code == 404


def test_plugins_load_nothing(client, clinic):
    factories.a_staff(clinic)
    policy = client.get("/sign-in").headers["Content-Security-Policy"]
    assert "object-src 'none'" in policy and "base-uri 'none'" in policy and "frame-ancestors 'none'" in policy


def test_passwords_are_masked_and_may_be_pasted(client, clinic):
    factories.sign_in(client, clinic, role="administrator")
    for url, fields in (("/account", 3), ("/settings/staff/new", 1), ("/account/second-factor", 1)):
        html = page(client, url)
        assert html.count('type="password"') == fields and "onpaste" not in html
