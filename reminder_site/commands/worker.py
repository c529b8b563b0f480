"""`flask --app wsgi worker`: the process that sends."""

import click
from flask import current_app
from flask.cli import with_appcontext

from reminder_site.worker import serve


@click.command("worker")
@with_appcontext
def commands() -> None:
    """Hand texts over until Ctrl-C or SIGTERM."""
    serve(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
