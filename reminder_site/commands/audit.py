"""`flask --app wsgi audit`: is the hash-chained record whole, and where does it stand."""

from pathlib import Path

import click
from flask.cli import AppGroup

from reminder_site.config import settings
from reminder_site.domain.audit_seal import Head, first_fault
from reminder_site.gateways.data_folder import DataFolder, read_head, write_head
from reminder_site.queries import audit_chain

commands = AppGroup("audit", help="The record of every send, cancel and change.")


@commands.command("verify")
@click.option("--head", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A head written earlier by `audit head --to`.")  # fmt: skip
def verify(file: Path | None) -> None:
    """Recompute the whole chain; exit with 1 and the first bad entry in words when it is broken."""
    noted = read_head(file) if file else DataFolder(settings().data_path).audit_head()
    if file and noted == Head():
        raise click.ClickException(f"{file} holds no head")
    fault = first_fault(audit_chain.entries(), settings().audit_keys, noted)
    if fault:
        raise click.ClickException(f"The audit is broken: {fault}.")
    against = f"and entry {noted.number} is the one noted outside" if noted.number else "no head was noted outside"
    click.echo(f"The audit is whole: {audit_chain.head().number} entries, {against}.")


@commands.command("head")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
def head(file: Path | None) -> None:
    """Print the number and hash of the newest entry, to be kept where this site cannot change it."""
    newest = audit_chain.head()
    if file:
        write_head(file, newest)
    click.echo(f"{newest.number} {newest.hash}")
