"""`flask --app wsgi web`: the web process, granian with the settings that were measured (docs/operating.md)."""

import os

import click
from flask.cli import with_appcontext

from reminder_site.config import settings
from reminder_site.serving import server_command


@click.command("web")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where a proxy that speaks TLS finds it.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@with_appcontext
def commands(host: str, workers: int) -> None:
    """Serve pages and webhooks on PORT until Ctrl-C or SIGTERM."""
    command = server_command(host=host, port=settings().port, workers=workers)
    environ = {name: value for name, value in os.environ.items() if name != "FLASK_RUN_FROM_CLI"}
    os.execve(command[0], command, environ)
