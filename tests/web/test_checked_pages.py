"""What the tests' browser refuses, also on a page that looks like one it has seen."""

import pytest
from html5lib.html5parser import ParseError

from tests.conftest import check_html

ONE, OTHER = "AbCdEfGh12345678", "zYxWvUtS-_987654"
PAGE = """<!doctype html>
<html lang="en"><head><title>Patients</title><script src="/static/desk.js"></script></head>
<body><ul><li id="{first}"><a href="/patients/{first}">Carol</a></li><li id="{second}">Tom</li></ul>
<form><label for="{label}">Name</label><input id="row-{first}"><input id="first_name" {more}></form></body></html>"""
WELL = {"first": ONE, "second": OTHER, "label": "first_name", "more": ""}


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {"second": ONE},
        {"second": f"row-{ONE}"},
        {"label": "last_name"},
        {"label": "a-field-that-is-not-there"},
        {"more": 'style="color: red"'},
        {"more": f'onclick="{ONE}"'},
        {"more": 'onsecuritypolicyviolation="x"'},
        {"more": "id=again"},
        {"more": "></form><script>1</script"},
        {"more": "></div"},
    ],
)
def test_a_page_with_a_fault_is_refused_whatever_was_seen_before(changed, seen):
    if seen:
        check_html(PAGE.format(**WELL))
    with pytest.raises((AssertionError, ParseError)):
        check_html(PAGE.format(**WELL | changed))


def test_a_page_with_other_ids_is_well_and_is_not_parsed_again(monkeypatch):
    check_html(PAGE.format(**WELL))
    monkeypatch.setattr("html5lib.HTMLParser", None)
    check_html(PAGE.format(**WELL | {"first": OTHER, "second": "0123456789abcdef"}))
    with pytest.raises(TypeError):
        check_html(PAGE.format(**WELL | {"second": ONE}))
