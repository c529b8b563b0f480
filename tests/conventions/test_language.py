"""The words of the house: no notes to ourselves left behind, no clock read inside, our own nouns and no others."""

import re

from tests.conventions.source import ROOT, modules, templates

UNFINISHED = re.compile("TO" + r"DO\b|FIX" + r"ME\b|X" + r"XX\b")
CLOCK = re.compile(
    r"\b(datetime|date|pendulum)\.(now|utcnow|today|tomorrow|yesterday)\(|\btime\.time(_ns)?\(|func\.now\("
)
READS_THE_CLOCK = ("reminder_site/clock.py", "reminder_site/sandbox/")
# An appointment is booked, and from then on it is an appointment; "booking" is only what somebody is doing.
FOREIGN_NAME = re.compile(r"(?<!late)(\b|_)bookings?(\b|_)", re.IGNORECASE)
FOREIGN_NOUN = re.compile(r"\b(?:a|an|the|this|that|your|each|every|new) booking\b|\bbookings\b", re.IGNORECASE)


def written_files():
    """Read all that people write in this project, whatever its kind."""
    for folder in ("reminder_site", "tests", "migrations", "templates", "static", "benchmarks", "campaigns"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".html", ".css", ".js", ".md", ".txt"}:
                yield str(path.relative_to(ROOT)), path.read_text()


def test_nothing_is_left_to_be_done_in_a_comment():
    assert not [path for path, text in written_files() if UNFINISHED.search(text)]


def test_only_the_clock_reads_the_clock():
    site = [module for module in modules("reminder_site") if not module.path.startswith(READS_THE_CLOCK)]
    assert not [f"{m.path}: {found.group()}" for m in site for found in CLOCK.finditer(m.text)]


def test_nobody_names_a_zone_to_pendulum():
    named = re.compile(r"in_timezone\((?![\"']UTC)")  # it reads the zone's file each time; domain.zones reads it once
    assert not [f"{m.path}: {found.group()}" for m in modules("reminder_site") for found in named.finditer(m.text)]


def test_names_in_the_code_say_appointment():
    named = [(m.path, f.name) for m in modules("reminder_site") for f in m.functions if FOREIGN_NAME.search(f.name)]
    assert not named


def test_pages_say_appointment():
    visible = [(path, re.sub(r"\{[%#{].*?[%#}]\}|<[^>]*>", "", text, flags=re.DOTALL)) for path, text in templates()]
    assert not [(path, found.group()) for path, text in visible if (found := FOREIGN_NOUN.search(text))]


def test_the_clock_rule_would_notice():
    assert CLOCK.search("at = datetime.now(UTC)") and CLOCK.search("pendulum.now()") and CLOCK.search("time.time()")
    assert not CLOCK.search("clock.now()") and not CLOCK.search("time.monotonic()")
