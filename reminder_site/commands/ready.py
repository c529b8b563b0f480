"""Keeps a command from running on tables of another version: it would break half-way, with a traceback."""

import copy
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from flask.cli import with_appcontext

from reminder_site.queries.schema import schema

CANNOT_START = 2


class NotReady(click.ClickException):
    """The database has other tables than this site works with; shown as one plain line."""

    exit_code = CANNOT_START

    def show(self, file: Any = None) -> None:
        """Write the line to stderr."""
        click.echo(f"Cannot start: {self.format_message()}", file=file or sys.stderr)


def on_right_tables(command: click.Command) -> click.Command:
    """Return the command, or the group with all its commands, refusing to run on tables of another version."""
    ready = copy.copy(command)
    if isinstance(ready, click.Group):
        ready.commands = {name: on_right_tables(each) for name, each in ready.commands.items()}
    elif ready.callback is not None:
        ready.callback = _checked(ready.callback)
    return ready


def _checked(callback: Callable[..., Any]) -> Callable[..., Any]:
    @with_appcontext
    @wraps(callback)
    def run(*given: Any, **named: Any) -> Any:
        if words := schema().words:
            raise NotReady(words)
        return callback(*given, **named)

    return run
