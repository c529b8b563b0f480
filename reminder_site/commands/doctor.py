"""`flask --app wsgi doctor`: is this site ready for patients; each line with its next step, 1 if something is wrong."""

import time
from collections.abc import Iterable

import click
from flask.cli import with_appcontext

from reminder_site.actions import doctor, trial_texts
from reminder_site.commands.present import present
from reminder_site.domain import phones
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.readiness import Finding, all_well
from reminder_site.domain.trial_texts import Kind, Trial, judged
from reminder_site.gateways.alarms import alarms
from reminder_site.gateways.sms import sms
from reminder_site.queries.schema import schema

MARKS = {"ok": "ok", "note": "note", "wrong": "WRONG"}
LOOK_SECONDS = 2.0
VALIDITY_WAIT_MINUTES = 20


@click.command("doctor")
@click.option("--phone", help="Your own, as +12125550123: it gets a trial text, and you reply to it.")
@click.option("--wait", "wait_seconds", default=300, show_default=True, help="Seconds to wait for receipt and reply.")
@click.option(
    "--validity", is_flag=True, help="Also find out when the validity of a scheduled text begins (17 minutes)."
)
@with_appcontext
@click.pass_context
def commands(context: click.Context, phone: str | None, wait_seconds: int, validity: bool) -> None:
    """Look over settings, database, queue, clock and Twilio; exit with 1 when something is wrong."""
    if validity and not phone:
        raise click.UsageError("--validity needs --phone")
    number = _number(phone) if phone else ""
    found = _told(doctor.examine(sms=sms(), alarms=alarms(), now=present()))
    if not number:
        found += _told([Finding("trial", "note", "no text was sent", "Say --phone with your own number to try one.")])
    elif schema().words or any(each.name in {"account", "service"} and each.level == "wrong" for each in found):
        found += _told([Finding("trial", "wrong", "no text was sent: it could not leave", "Mend what is wrong above.")])
    else:
        found += _tried("schedule", number, wait_seconds) + _tried("reply", number, wait_seconds)
        found += _tried("validity", number, VALIDITY_WAIT_MINUTES * 60) if validity else []
    context.exit(0 if all_well(found) else 1)


def _number(typed: str) -> str:
    try:
        return phones.read(typed, "ZZ").e164
    except phones.PhoneRefused as refused:
        raise click.BadParameter(
            f"{refused.words} Begin with + and the country code.", param_hint="--phone"
        ) from refused


def _tried(kind: Kind, phone: str, wait_seconds: float) -> list[Finding]:
    trial_id = trial_texts.send(kind=kind, phone=phone, sms=sms(), by=OPERATOR, now=present())
    trial = trial_texts.standing(trial_id=trial_id, sms=sms())
    if not trial.is_over and trial.status:
        asks = f"Reply with {trial.code}." if kind == "reply" else "Leave it; Twilio keeps it for 16 minutes."
        click.echo(f"       A text is on its way to your phone. {asks} Waiting up to {wait_seconds:.0f} s.")
        trial = _waited(trial_id, trial, wait_seconds)
    return _told(judged(trial))


def _waited(trial_id: int, trial: Trial, wait_seconds: float) -> Trial:
    ends_at = time.monotonic() + wait_seconds
    while not trial.is_over and time.monotonic() < ends_at:
        time.sleep(min(LOOK_SECONDS, max(0.0, ends_at - time.monotonic())))
        trial = trial_texts.standing(trial_id=trial_id, sms=sms())
    return trial


def _told(findings: Iterable[Finding]) -> list[Finding]:
    """Print findings as they come."""
    found = []
    for each in findings:
        found.append(each)
        click.echo(f"{MARKS[each.level]:<6} {each.name:<12} {each.words}")
        if each.next_step:
            click.echo(f"       {'':<12} -> {each.next_step}")
    return found
