"""`flask --app wsgi set-up-code`: what whoever makes the first account of a live site has to type."""

import click
from flask.cli import with_appcontext

from reminder_site.actions import set_up
from reminder_site.commands.present import present
from reminder_site.config import settings
from reminder_site.domain.set_up_code import GOOD_HOURS


@click.command("set-up-code")
@with_appcontext
def commands() -> None:
    """Show a fresh code for the first administrator; the one before is void."""
    try:
        code = set_up.new_code(now=present())
    except set_up.AlreadySetUp:
        click.echo("This site has accounts already; no code is needed.", err=True)
        return
    click.echo(f"Set up at:   {settings().public_base_url}/set-up   code: {code}   (good for {GOOD_HOURS} h, once)")
