"""`flask --app wsgi hold`: why sending is on hold, and what becomes of texts at Twilio that nothing here knows."""

import click
from flask import current_app
from flask.cli import with_appcontext

from reminder_site.actions import ghosts
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.refusals import NotHere
from reminder_site.gateways.alarms import alarms
from reminder_site.gateways.sms import Remote, SmsError, sms

LINE = "{:<34}  {:>6}  {:<20}  {}"


@click.command("hold")
@click.option("--withdraw", "answer", flag_value="withdraw", help="Cancel them at Twilio.")
@click.option("--keep", "answer", flag_value="keep", help="Let Twilio send them.")
@with_appcontext
def commands(answer: ghosts.Answer | None) -> None:
    """List the texts Twilio would still send that this database does not know, or say what becomes of them."""
    try:
        found = ghosts.waiting(sms=sms())
        show(found)
        if answer:
            ghosts.decide(answer=answer, by=OPERATOR, now=current_app.extensions["clock"].now())
    except NotHere as refused:
        click.echo(refused.words)
        return
    except SmsError as problem:
        raise click.ClickException(f"Twilio could not be asked: {problem}") from problem
    alarms().flush()
    done = {"withdraw": "The worker cancels them, and the hold ends.", "keep": "They stay, and the hold ends."}
    click.echo(done.get(answer or "", "Say --withdraw or --keep." if found else "The hold ends by itself."))


def show(found: list[Remote]) -> None:
    """Print texts at Twilio, with the last two digits of their numbers."""
    if not found:
        click.echo("Twilio holds no text that this database does not know.")
        return
    click.echo(f"Twilio would still send {len(found)} texts that this database does not know:")
    click.echo(LINE.format("text", "number", "made (UTC)", "first words"))
    for remote in found:
        made = remote.created_at.in_timezone("UTC").strftime("%Y-%m-%d %H:%M:%S")
        click.echo(LINE.format(remote.sid, f"…{remote.to[-2:]}", made, remote.body.partition(":")[0][:40]))
