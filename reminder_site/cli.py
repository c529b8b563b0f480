"""What operators type: `flask --app wsgi …`."""

from flask import Flask

from reminder_site.commands import audit, backup, demo, health, hold, keys, move, reconcile, set_up, staff, worker


def register(app: Flask) -> None:
    """Put the operator commands on the app."""
    for module in (audit, demo, health, hold, keys, move, reconcile, set_up, staff, worker):
        app.cli.add_command(module.commands)
    for command in (backup.backup, backup.restore):
        app.cli.add_command(command)
