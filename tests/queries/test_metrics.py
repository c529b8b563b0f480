"""Whoever asks how the site is reads what waits, never all that was ever sent."""

from reminder_site.queries import health, health_details, metrics
from tests.delivering import a_text
from tests.statements import statements, ways


def asked(question):
    """Return how the database goes about each statement of a question about texts."""
    with statements() as sent:
        question()
    of_texts = [one for one in sent if "message" in one[0]]
    return list(zip((one[0] for one in of_texts), ways(of_texts), strict=True))


def test_no_statement_of_the_health_page_or_of_a_scrape_reads_all_texts(clinic, now):
    a_text(clinic, now)
    found = asked(lambda: health.checks(now=now)) + asked(lambda: metrics.standing(now=now))
    found += asked(lambda: health_details.details(health.checks(now=now), refused_here=0, now=now, real_now=now))
    whole = [
        (statement, way)
        for statement, way in found
        for line in way.splitlines()
        if "LIMIT" not in statement
        and line.strip().startswith(("SCAN message", "SCAN inbound_message", "Seq Scan on message"))
        and "INDEX" not in line
    ]
    assert len(found) > 10 and whole == []


def test_a_scrape_finds_what_is_open_by_its_own_index(clinic, now):
    a_text(clinic, now)
    found = " ".join(way for _, way in asked(lambda: metrics.standing(now=now)))
    assert {"ix_message_due", "uq_message_in_flight", "ix_inbound_open"} <= set(found.replace("(", " ").split())
