"""No piece of a patient's name or number ever stands in an address: addresses end up in histories, logs and proxies."""

import re

from tests.conventions.source import ROOT, templates

# What may stand in an address: random ids, days, tokens, the kind of a text, the names of our own files.
BLANKS = {"public_id", "patient_id", "reminder_id", "inbound_id", "staff_id", "clinician_id", "type_id", "rule_id"}
BLANKS |= {
    "alert_id",
    "invitation_id",
    "passkey_id",
    "kept_id",
    "message_id",
    "on",
    "closed_on",
    "kind",
    "token",
    "filename",
}
# And after the question mark: which filter, day, patient, appointment or text; where to go on, what was just done.
ASKED = {"show", "on", "day", "patient", "again", "next", "told", "text"}
GET_FORM = re.compile(r"<form\b(?![^>]*method=\"post\").*?</form>", re.DOTALL)
TYPED = re.compile(r"<input\b[^>]*type=\"(?:search|text|tel)\"|<textarea|\bfield\(")


def test_every_blank_of_every_address_is_an_id_a_day_or_a_token(app):
    blanks = {name for rule in app.url_map.iter_rules() for name in rule.arguments}
    assert blanks <= BLANKS, blanks - BLANKS


def test_pages_read_nothing_from_an_address_that_somebody_typed():
    pages = (ROOT / "reminder_site" / "web").rglob("*.py")
    asked = {key for page in pages for key in re.findall(r"request\.args\.get\(\"(\w+)\"", page.read_text("utf-8"))}
    assert asked <= ASKED, asked - ASKED


def test_no_form_puts_what_is_typed_into_an_address():
    site = [(path, text) for path, text in templates() if not path.startswith("templates/sandbox/")]
    loose = [(path, form[:80]) for path, text in site for form in GET_FORM.findall(text) if TYPED.search(form)]
    assert not loose
    assert not [path for path, text in site if re.search(r"[?&](?:q|typed|name|phone)=", text)]


def test_no_script_puts_what_is_typed_into_an_address():
    scripts = {path.name: path.read_text("utf-8") for path in (ROOT / "static" / "js").glob("*.js")}
    assert scripts
    assert not [name for name, text in scripts.items() if re.search(r"searchParams|[?&]\w+=\$\{", text)]
