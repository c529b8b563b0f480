"""`flask --app wsgi move --to postgresql://…`: from SQLite to PostgreSQL, once a clinic has outgrown one machine."""

import os
import subprocess
import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from reminder_site.actions import backups, transfer


@click.command("move")
@click.option("--to", "address", required=True, help="An empty PostgreSQL database: postgresql://user@host/name")
@with_appcontext
def commands(address: str) -> None:
    """Copy the database to PostgreSQL, with the site stopped; what broke off goes on when it is begun again."""
    if why := backups.why_in_use(current_app.extensions["clock"].now()):
        raise click.ClickException(f"Nothing was moved: {why}: stop the site first")
    made = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
        env={**os.environ, "DATABASE_URL": address},
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise click.ClickException(f"Nothing was moved: {made.stderr.strip().splitlines()[-1]}")
    try:
        counts = transfer.transfer(to=address)
    except transfer.CannotMove as problem:
        raise click.ClickException(f"The move is not done: {problem}") from problem
    click.echo(f"{sum(counts.values()):,} rows in {len(counts)} tables are there as they were, the audit whole.")
    click.echo(
        "Set DATABASE_URL to that address, set DATA_FOLDER to the folder of the SQLite file, and start the site."
    )
