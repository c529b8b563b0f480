"""Judges whether a site is ready for real patients, from what was found: one line each, with the next step.

Knows no network and no tables; whoever asks has gathered the facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from reminder_site.domain.delivery import SKEW_STOP_SECONDS, SKEW_WORTH_SAYING_SECONDS
from reminder_site.domain.twilio_account import Account, Registration, Sender, Service

Level = Literal["ok", "note", "wrong"]
CONSOLE: Final = "in Twilio's console"
# Twilio's own words for a registration that carriers go by, and for one that is under way.
# Source: Messaging API v1, UsAppToPerson.campaign_status, BrandRegistration.status, TollfreeVerification.status.
APPROVED: Final = frozenset({"VERIFIED", "APPROVED", "TWILIO_APPROVED"})
UNDER_WAY: Final = frozenset({"PENDING", "IN_PROGRESS", "IN_REVIEW", "PENDING_REVIEW"})
KIT: Final = "docs/registration.md holds the words for the form"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `note` could not be known, or may be left; `next_step` says what to do."""

    name: str
    level: Level
    words: str
    next_step: str = ""


def all_well(findings: Iterable[Finding]) -> bool:
    """Say whether nothing is wrong."""
    return all(finding.level != "wrong" for finding in findings)


def of_clock(skew_seconds: float | None) -> Finding:
    """Judge how far this machine's clock is off Twilio's; None when Twilio gave no time."""
    if skew_seconds is None:
        return Finding("clock", "note", "Twilio gave no time to compare with", "Look again once Twilio answers.")
    off = round(abs(skew_seconds))
    if off <= SKEW_WORTH_SAYING_SECONDS:
        return Finding("clock", "ok", f"within {max(off, 1)} s of Twilio's")
    stops = ", and nothing is handed over" if off > SKEW_STOP_SECONDS else ""
    return Finding(
        "clock", "wrong", f"{off} s off Twilio's{stops}", "Switch time synchronisation on: timedatectl set-ntp on"
    )


def of_account(found: Account) -> Finding:
    """Judge the account."""
    if found.status != "active":
        return Finding(
            "account",
            "wrong",
            f"it is {found.status or 'in no known state'}",
            f"Ask Twilio's support; the reason stands {CONSOLE}.",
        )
    if found.kind == "Trial":
        words = "it is a trial account: texts reach verified numbers only, and begin with a line of Twilio's"
        return Finding("account", "wrong", words, f"Upgrade it {CONSOLE}.")
    return Finding("account", "ok", "it is active")


def of_service(found: Service | None, sid: str, inbound_url: str) -> list[Finding]:
    """Judge a Messaging Service, its senders, their registration and where patients' texts go."""
    if found is None:
        step = f"Put a service of this account into TWILIO_MESSAGING_SERVICE_SID; its SID stands {CONSOLE}."
        return [Finding("service", "wrong", f"the account has no Messaging Service {sid}", step)]
    service = Finding("service", "ok", f"{found.name or found.sid} is there")
    return [
        service,
        _senders(found),
        *_registration(found),
        _inbound(found, inbound_url),
        _fallback(found, inbound_url),
    ]


def _senders(found: Service) -> Finding:
    if not found.senders:
        return Finding("senders", "wrong", "its sender pool is empty", f"Put your number into its pool {CONSOLE}.")
    return Finding("senders", "ok", ", ".join(f"{sender.name} ({sender.kind})" for sender in found.senders))


def _registration(found: Service) -> list[Finding]:
    """Judge what United States carriers want registered; they drop texts of others (errors 30034 and 30032)."""
    findings = []
    if any(sender.kind == "long code" and sender.country == "US" for sender in found.senders):
        findings += [
            _judged("brand", found.brands, "10DLC brand"),
            _judged("campaign", found.campaigns, "10DLC campaign"),
        ]
    findings += [_toll_free(sender) for sender in found.senders if sender.kind == "toll-free"]
    if findings:
        return findings
    return [Finding("registration", "note", "no sender that has to be registered in the United States")]


def _toll_free(sender: Sender) -> Finding:
    asked = (sender.verification,) if sender.verification and sender.verification.status else ()
    return _judged("toll-free", asked, f"toll-free verification of {sender.name}")


def _judged(name: str, registrations: tuple[Registration, ...], what: str) -> Finding:
    """Judge the best of several registrations."""
    if not registrations:
        return Finding(name, "wrong", f"there is no {what}: carriers drop texts", f"Register it {CONSOLE}; {KIT}.")
    best = min(registrations, key=lambda each: (each.status not in APPROVED, each.status not in UNDER_WAY))
    if best.status in APPROVED:
        return Finding(name, "ok", f"the {what} is {best.status}")
    if best.status in UNDER_WAY:
        return Finding(
            name,
            "wrong",
            f"the {what} is {best.status}: carriers drop texts until it is through",
            "Wait, and look again.",
        )
    why = f": {best.why}" if best.why else ""
    return Finding(
        name, "wrong", f"the {what} is {best.status or 'in no known state'}{why}", f"Mend it {CONSOLE}; {KIT}."
    )


def _inbound(found: Service, url: str) -> Finding:
    step = f"Set it to {url} (POST) {CONSOLE}: Messaging Service, Integration."
    if found.leaves_it_to_numbers:
        strays = [sender.name for sender in found.senders if sender.kind != "alphanumeric" and sender.webhook != url]
        words = "use_inbound_webhook_on_number is on: each number has a webhook of its own"
        if strays:
            return Finding("inbound", "wrong", f"{words}, and that of {', '.join(strays)} is not this site", step)
        return Finding("inbound", "ok", f"{words}, and all lead here")
    if found.inbound_url != url:
        there = f"texts of patients go to {found.inbound_url}" if found.inbound_url else "texts of patients go nowhere"
        return Finding("inbound", "wrong", there, step)
    if found.inbound_method != "POST":
        return Finding(
            "inbound",
            "wrong",
            f"the webhook is called by {found.inbound_method}: numbers and texts would stand in logs",
            step,
        )
    return Finding("inbound", "ok", f"texts of patients come to {url}")


def _fallback(found: Service, url: str) -> Finding:
    if not found.fallback_url:
        words = "no fallback URL: what a webhook could not bring is read from Twilio's list a minute or two later"
        return Finding("fallback", "note", words, f"Set it to {url} as well, and Twilio tries a second time.")
    if found.fallback_url == url:
        return Finding("fallback", "ok", "Twilio tries a second time at the same address")
    return Finding(
        "fallback",
        "wrong",
        f"when this site is away, {found.fallback_url} answers patients",
        f"Set it to {url}, or leave it empty.",
    )
