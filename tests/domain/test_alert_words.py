"""What a mail and a webhook say: the gravest first, what it means, what to do; shorter once it is over."""

import json

import pendulum
import pytest

from reminder_site.domain.alert_judging import Event, Standing
from reminder_site.domain.alert_words import TEST, about, mail, webhook

SINCE = pendulum.datetime(2026, 11, 2, 14, 0, tz="UTC")
NOW = SINCE.add(hours=4, minutes=5)
PAGE = "https://elm.example/settings/alerts"


def told(what="fired", rule="worker_silent", level="page", place=""):
    return about(Event(what, Standing(rule, "", level, firing_since=SINCE, words="For 2 min.")), place, "id1")


def subject(*several):
    return mail(several, site="elm.example", page=PAGE, now=NOW)[0]


@pytest.mark.parametrize(
    ("several", "words"),
    [
        ([told()], "[elm.example] The worker is silent - act now"),
        ([told("again")], "[elm.example] Still: The worker is silent - act now"),
        ([told("over")], "[elm.example] Over: The worker is silent"),
        ([told(rule="clock_skew", level="mail"), told()], "[elm.example] The worker is silent and 1 more - act now"),
        ([told("over"), told("worse", "inbox_old", "mail", "Elm Clinic")],
         "[elm.example] Worse: Patients' texts wait for a person (Elm Clinic) and 1 more - look at it today"),
        ([TEST], "[elm.example] A test of the alerts"),
    ],
)  # fmt: skip
def test_the_subject_says_the_gravest_and_how_much_more(several, words):
    assert subject(*several) == words


def test_what_is_over_is_told_without_what_to_do():
    _, text = mail([told("over")], site="x", page=PAGE, now=NOW)
    assert text.startswith("Over: The worker is silent\nSince 2026-11-02 14:00 UTC (4 hours 5 min). For 2 min.\n\n")
    assert "First:" not in text and text.endswith(f"{PAGE}\n")


@pytest.mark.parametrize(
    ("about_it", "type_", "again"),
    [
        (told(), "alert.fired", None),
        (told("again"), "alert.fired", True),
        (told("over"), "alert.resolved", None),
        (TEST, "alert.test", None),
    ],
)
def test_the_payload_names_what_happened(about_it, type_, again):
    sent = json.loads(webhook(about_it, now=NOW))
    assert (sent["type"], sent["timestamp"], sent["data"].get("again")) == (type_, "2026-11-02T18:05:00Z", again)
    assert sent["data"]["rule"] == about_it["rule"]
