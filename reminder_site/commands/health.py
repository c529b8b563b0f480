"""`flask --app wsgi health`: the same truth as /healthz, as an exit code: 0 well, 1 degraded, 2 down."""

import click
from flask import current_app
from flask.cli import with_appcontext

from reminder_site.actions.check_up import check_up
from reminder_site.actions.write_probe import WriteProbe
from reminder_site.queries import health

EXIT_CODES = {"ok": 0, "degraded": 1, "down": 2}


@click.command("health")
@with_appcontext
@click.pass_context
def commands(context: click.Context) -> None:
    """Say how each part is; exit with 0 (well), 1 (degraded) or 2 (down)."""
    clock = current_app.extensions["clock"]
    checks = check_up(probe=WriteProbe(), now=clock.now(), real_now=clock.machine_now())
    for name, check in checks.items():
        since = f", since {check.since.in_timezone('UTC').format('YYYY-MM-DD HH:mm:ss')} UTC" if check.since else ""
        means = f". {check.means}" if check.means else ""
        click.echo(f"{name:<15} {check.status:<9} {check.words}{since}{means}")
    context.exit(EXIT_CODES[health.worst(checks)])
