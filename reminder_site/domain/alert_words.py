"""What people and programs are told of alerts: a mail, a webhook's payload. Pure; holds nothing about patients."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pendulum

from reminder_site.domain.alert_judging import Event
from reminder_site.domain.alerts import BY_KEY
from reminder_site.domain.spoken import duration_words

About = Mapping[str, Any]
BEGINS: Final = {
    "fired": "",
    "worse": "Worse: ",
    "again": "Still: ",
    "over": "Over: ",
    "test": "",
}
TYPES: Final = {"fired": "alert.fired", "worse": "alert.fired", "again": "alert.fired", "over": "alert.resolved"}
URGENCY: Final = {"page": "act now", "mail": "look at it today"}
TEST: Final = {
    "what": "test",
    "name": "A test of the alerts",
    "place": "",
    "words": "Somebody pressed the button for it. Nothing is wrong.",
    "means": "Nothing.",
    "first": "Confirm with the link that this has reached you.",
    "severity": "mail",
    "rule": "test",
    "subject": "",
    "since": "",
}


def about(event: Event, place: str, alert_id: str) -> dict[str, Any]:
    """Return what is told of an event, as it is kept; `place` names the clinic or machine that it is about."""
    rule, standing = BY_KEY[event.standing.rule], event.standing
    assert standing.firing_since is not None
    return {
        "what": event.what,
        "id": alert_id,
        "rule": rule.key,
        "severity": standing.level,
        "subject": standing.subject,
        "name": rule.name,
        "place": place,
        "words": standing.words,
        "means": rule.means,
        "first": rule.first,
        "since": standing.firing_since.isoformat(),
    }


def mail(told: Sequence[About], *, site: str, page: str, now: pendulum.DateTime) -> tuple[str, str]:
    """Return the subject and the text of a mail about some alerts; `page` is where they are taken, or a test confirmed.

    The subject says the gravest one, and how many more there are.
    """
    first = max(told, key=lambda each: (each["what"] != "over", each["severity"] == "page"))
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    where = f" ({first['place']})" if first["place"] else ""
    urgent = "" if first["what"] in {"over", "test"} else f" - {URGENCY[first['severity']]}"
    subject = f"[{site}] {BEGINS[first['what']]}{first['name']}{where}{more}{urgent}"
    is_test = first["what"] == "test"
    way = "This test has arrived once you press the button here" if is_test else "Say there that you take it"
    return subject, "\n\n".join([*(_paragraph(each, now) for each in told), f"{way}: {page}"]) + "\n"


def webhook(told: About, *, now: pendulum.DateTime) -> str:
    """Return the payload that a webhook is sent, as JSON."""
    kept = "id", "rule", "severity", "subject", "name", "place", "words", "means", "first", "since"
    data = {name: told[name] for name in kept if told.get(name)}
    data |= {"again": True} if told["what"] == "again" else {}
    data |= {"page": told["page"]} if told.get("page") else {}
    stamp = now.in_timezone("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"type": TYPES.get(told["what"], "alert.test"), "timestamp": stamp, "data": data})


def _paragraph(told: About, now: pendulum.DateTime) -> str:
    where = f" ({told['place']})" if told["place"] else ""
    lines = [f"{BEGINS[told['what']]}{told['name']}{where}"]
    if told["since"]:
        since = pendulum.instance(pendulum.DateTime.fromisoformat(told["since"])).in_timezone("UTC")
        lasted = duration_words((now - since).total_seconds())
        lines.append(f"Since {since.strftime('%Y-%m-%d %H:%M')} UTC ({lasted}). {told['words']}".rstrip())
    else:
        lines.append(told["words"])
    if told["what"] != "over":
        lines += [f"For patients: {told['means']}", f"First: {told['first']}"]
    return "\n".join(lines)
