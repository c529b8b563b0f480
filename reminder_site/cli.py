"""What operators type: `flask --app wsgi …`."""

from flask import Flask

from reminder_site.commands import (
    audit,
    backup,
    demo,
    doctor,
    health,
    hold,
    keys,
    move,
    ready,
    reconcile,
    set_up,
    staff,
    web,
    worker,
)


def register(app: Flask) -> None:
    """Put the operator commands on the app; those that need its tables only run on the version they know."""
    for module in (audit, demo, hold, keys, reconcile, set_up, staff, web, worker):
        app.cli.add_command(ready.on_right_tables(module.commands))
    for command in (
        ready.on_right_tables(backup.backup),
        backup.restore,
        doctor.commands,
        health.commands,
        move.commands,
    ):
        app.cli.add_command(command)
