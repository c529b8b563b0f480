"""`flask --app wsgi keys`: change SECRET_KEY in steps, while the site goes on. Start every process anew after each."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from dotenv import dotenv_values, set_key, unset_key
from flask.cli import AppGroup

from reminder_site.actions.key_changes import note_step
from reminder_site.commands.present import present
from reminder_site.config import ROOT, derived
from reminder_site.domain import key_ring
from reminder_site.domain.actor import OPERATOR
from reminder_site.domain.audit_seal import key_id

commands = AppGroup("keys", help="Change SECRET_KEY while the site goes on.")
FILE = click.option("--env-file", "file", type=click.Path(dir_okay=False, path_type=Path), default=ROOT / ".env",
                    help="Where the settings stand; else .env of this folder.")  # fmt: skip


@commands.command("prepare")
@FILE
def prepare(file: Path) -> None:
    """Make the next key; all processes accept it once they were started anew, and none uses it yet."""
    fresh = secrets.token_urlsafe(48)
    _take(file, lambda known: key_ring.prepare(known, fresh), "prepared", derived(fresh, "audit"))
    click.echo("Now start every web process and worker anew, one after the other; then: flask --app wsgi keys switch")


@commands.command("switch")
@FILE
def switch(file: Path) -> None:
    """Use the next key; the one before is still accepted, so that nobody is signed out."""
    coming = derived(_known(file).get(key_ring.NEXT, ""), "audit")
    _take(file, key_ring.switch, "switched", coming)
    click.echo("Now start every process anew again. A day later: flask --app wsgi keys retire")


@commands.command("retire")
@FILE
def retire(file: Path) -> None:
    """Drop the previous key; what it sealed in the audit can still be checked."""
    old = derived(_known(file).get(key_ring.PREVIOUS, ""), "audit")
    _take(file, lambda known: key_ring.retire(known, old.hex()), "retired", old)
    click.echo("Now start every process anew. Keep the file elsewhere, too: without it the audit cannot be checked.")


def _take(file: Path, step: Callable[[Mapping[str, str]], dict[str, str]], name: str, key: bytes) -> None:
    """Take a step: write it down in the audit, then in the file, or show what to set where no file has the key."""
    try:
        changed = step(_known(file))
    except key_ring.NotNow as refused:
        raise click.ClickException(f"Nothing was changed: {refused}.") from refused
    note_step(step=name, key_id=key_id(key), by=OPERATOR, now=present())
    file = file.resolve()  # a link stays one
    if not _stands_in(file) or not _is_writable(file):
        click.echo("The key does not stand in a file here that can be written. Set these for every process:")
        for variable, value in changed.items():
            click.echo(f"{variable}={value}")
        return
    before = file.stat()
    for variable, value in changed.items():
        if value:
            set_key(file, variable, value, quote_mode="never")
        else:
            unset_key(file, variable)
    file.chmod(before.st_mode & 0o777)
    os.chown(file, before.st_uid, before.st_gid)
    click.echo(f"{file} is changed.")


def _is_writable(file: Path) -> bool:
    """Say whether this user may change a file, which is done by putting another in its place."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _stands_in(file: Path) -> bool:
    """Say whether processes have the key from this file; `flask` itself puts what stands there in the environment."""
    there = dotenv_values(file).get(key_ring.CURRENT) if file.exists() else None
    return bool(there) and os.environ.get(key_ring.CURRENT, there) == there


def _known(file: Path) -> dict[str, str]:
    """Return the settings that hold secrets, as processes that start now would read them."""
    there = dotenv_values(file) if file.exists() else {}
    return {name: os.environ.get(name) or there.get(name) or "" for name in
            (key_ring.CURRENT, key_ring.NEXT, key_ring.PREVIOUS, key_ring.RETIRED)}  # fmt: skip
