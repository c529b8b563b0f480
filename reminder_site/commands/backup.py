"""`flask --app wsgi backup` and `restore`: whole copies of the database, and the way back."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from reminder_site.actions import backups, erasing, proving
from reminder_site.config import settings
from reminder_site.domain.actor import OPERATOR
from reminder_site.gateways import neighbour
from reminder_site.gateways.copies import CopyFailed
from reminder_site.gateways.data_folder import DataFolder

IDENTITY = click.option("--identity", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                        help="The private key of encrypted backups, as age-keygen wrote it.")  # fmt: skip


@click.command("backup")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="A folder; else backups/ in DATA_FOLDER."
)
@click.option(
    "--prune",
    is_flag=True,
    help="Then keep those of 2 hours, one for each of 48 hours and of 35 days.",
)
@click.option("--prove", is_flag=True, help="Then restore it into a database of its own, compare, and drop that.")
@IDENTITY
@with_appcontext
def backup(folder: Path | None, prune: bool, prove: bool, identity: Path | None) -> None:
    """Copy the database, in use or not, and check the copy. SECRET_KEY is not in it: keep .env elsewhere, too."""
    folder = folder or settings().data_path / "backups"
    try:
        made = backups.back_up(folder=folder, now=current_app.extensions["clock"].now())
    except (CopyFailed, OSError) as problem:
        raise click.ClickException(f"No backup was made: {problem}") from problem
    sealed = ", encrypted" if made.encrypted else ""
    click.echo(f"{folder / made.file}  {made.bytes:,} bytes, {sum(made.counts.values()):,} rows, sound{sealed}")
    if not backups.note_made(manifest=made):
        click.echo("It could not be written down that it was made: /healthz will miss it.", err=True)
    for name in backups.prune(folder=folder) if prune else ():
        click.echo(f"deleted {name}")
    if prove and made.encrypted and identity is None:
        click.echo("Not proved, for it is encrypted: prove it where the private key is (--identity FILE).", err=True)
    elif prove:
        _prove(folder / made.file, identity)


def _prove(file: Path, identity: Path | None) -> None:
    try:
        proving.prove(file=file, identity=identity)
    except (backups.CannotRestore, CopyFailed, OSError) as problem:
        raise click.ClickException(f"The backup could not be proved: {problem}") from problem
    click.echo("proved: restored into a database of its own, all as its manifest says")


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Although the site seems to be running.")
@click.option("--rehearse", is_flag=True, help="Only to try it: the copy sends, cancels and answers nothing, ever.")
@IDENTITY
@with_appcontext
def restore(file: Path, force: bool, rehearse: bool, identity: Path | None) -> None:
    """Put a backup in the database's place; what was there is kept beside it.

    The site begins on hold: no text leaves until Twilio was asked what had been texted since the backup, and what it
    would still send that the backup does not know is withdrawn only when you say so (flask --app wsgi hold).
    """
    address = settings().public_base_url
    if not (force or rehearse) and neighbour.answers(address):
        raise click.ClickException(
            f"Nothing was changed: a site answers at {address}. Stop it first, or say --rehearse to leave it alone"
        )
    clock = current_app.extensions["clock"]
    try:
        kept_in = DataFolder(settings().data_path)
        manifest = backups.restore(
            file=file.absolute(), kept_in=kept_in, force=force, identity=identity, now=clock.now()
        )
    except (backups.CannotRestore, CopyFailed, OSError) as problem:
        raise click.ClickException(f"Nothing was changed: {problem}") from problem
    upgrade(revision="head")
    backups.record_restore(manifest=manifest, rehearsal=rehearse, by=OPERATOR, now=clock.now())
    erased = DataFolder(settings().data_path).erased()
    if not erased:
        click.echo(
            f"There is no list of erased patients ({settings().data_path / 'erased'}): if any were erased since this "
            "backup was made, they are back. Put the copied file there and restore again, or erase them anew."
        )
    elif count := erasing.again(erased=erased, by=OPERATOR, now=clock.now()):
        click.echo(f"{count} patients whom the backup still knew were erased anew.")
    if rehearse:
        click.echo(f"Restored as of {manifest.made_at} to rehearse: this copy sends, cancels and answers nothing.")
        return
    click.echo(f"Restored as of {manifest.made_at}. Sending is on hold until Twilio was asked what left since;")
    click.echo("start the site. Texts at Twilio that it does not know are left until you say what becomes of them:")
    click.echo("flask --app wsgi hold")
