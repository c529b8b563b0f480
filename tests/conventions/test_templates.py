"""Templates keep to the content security policy and to what autoescaping protects."""

import re

import pytest

from tests.conventions.source import templates

FORBIDDEN = {
    "an inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script\b(?![^>]*\bsrc\s*=)", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript address": re.compile(r"javascript:", re.IGNORECASE),
    "an escape from escaping": re.compile(r"\|\s*safe\b|\{%-?\s*autoescape\s+false"),
    "a file from somewhere else": re.compile(
        r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)\s*=\s*[\"']?(?:https?:)?//"
    ),
    "a link that acts": re.compile(r"<a\b[^>]*data-method", re.IGNORECASE),
}
POST_FORM = re.compile(r"<form\b[^>]*\bmethod\s*=\s*[\"']post[\"'].*?</form>", re.IGNORECASE | re.DOTALL)
TOKEN = re.compile(r"csrf_token|hidden_tag|fields\(|caller\(")
IMPORT = re.compile(
    r"\{%-?\s*(?:from\s+[^%]+?\s+import\s+([^%]+?)|import\s+[^%]+?\s+as\s+(\w+))(?:\s+with(?:out)?\s+context)?\s*-?%\}"
)


@pytest.mark.parametrize("fault", FORBIDDEN)
def test_no_template_holds(fault):
    assert not [(path, found.group()[:80]) for path, text in templates() if (found := FORBIDDEN[fault].search(text))]


def test_every_form_that_posts_carries_its_token():
    # The phones of the sandbox are not the site: no sign-in, no session, nothing to forge. A sample form goes nowhere.
    site = [(path, text) for path, text in templates() if not path.startswith("templates/sandbox/")]
    forms = [(path, form) for path, text in site for form in POST_FORM.findall(text) if 'action="#"' not in form]
    assert not [(path, form[:80]) for path, form in forms if not TOKEN.search(form)]


def test_every_imported_macro_is_used():
    unused = []
    for path, text in templates():
        for macros, whole in IMPORT.findall(text):
            names = [part.split(" as ")[-1].strip() for part in macros.split(",")] if macros else [whole]
            unused += [(path, name) for name in names if len(re.findall(rf"\b{name}\b", text)) < 2]
    assert not unused


def test_the_rules_would_notice():
    caught = ['<p style="x">', "<script>x</script>", '<a onclick="x">', "{{ x | safe }}", '<img src="//x">']
    assert all(any(rule.search(html) for rule in FORBIDDEN.values()) for html in caught)
    assert not any(rule.search('<script type="module" src="{{ x }}"></script>') for rule in FORBIDDEN.values())
