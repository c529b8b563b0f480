"""What operators type: `flask --app wsgi …`."""

from flask import Flask

from reminder_site.commands import audit, backup, demo, health, hold, reconcile, staff, worker


def register(app: Flask) -> None:
    """Put the operator commands on the app."""
    for command in (demo.commands, staff.commands, worker.commands):
        app.cli.add_command(command)
    for command in (health.commands, audit.commands, backup.backup, backup.restore, hold.commands, reconcile.commands):
        app.cli.add_command(command)
