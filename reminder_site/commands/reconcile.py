"""`flask --app wsgi reconcile`: our ledger beside Twilio's lists, as a table."""

import click
from flask import current_app
from flask.cli import with_appcontext

from reminder_site.actions import missed_texts, reconciling
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways.alarms import alarms
from reminder_site.gateways.sms import SmsError, sms
from reminder_site.queries import health

LINE = "{:<14}  {:<34}  {:>6}  {:<14}  {:<14}  {}"


@click.command("reconcile")
@click.option("--fix", is_flag=True, help="Take Twilio's statuses over and cancel second copies of our own texts.")
@with_appcontext
def commands(fix: bool) -> None:
    """Compare the last 36 days with Twilio's lists; exit with 1 while something differs.

    What patients texted and no webhook brought is taken in first.
    """
    if health.is_rehearsal():
        raise click.ClickException("Nothing was compared: this is a rehearsal of a restore")
    now = current_app.extensions["clock"].now()
    try:
        missed = missed_texts.read(sms=sms(), now=now)
        found = reconciling.compare(sms=sms(), now=now)
    except SmsError as problem:
        raise click.ClickException(f"Nothing was compared: {problem}") from problem
    if missed:
        click.echo(f"{missed} texts of patients had not come in by webhook; they count now.")
    if found:
        click.echo(LINE.format("what", "text", "number", "here", "at Twilio", ""))
    for one in found:
        done = reconciling.put_right(difference=one, sms=sms(), by=OPERATOR, now=now) if fix else ""
        click.echo(LINE.format(one.kind, one.sid, f"…{one.last_digits}", one.here, one.there, done).rstrip())
    alarms().flush()
    if fix and found:
        found = reconciling.compare(sms=sms(), now=now)
    click.echo(f"{len(found)} differences{' are left' if fix else ''}." if found else "Nothing differs.")
    click.get_current_context().exit(1 if found else 0)
