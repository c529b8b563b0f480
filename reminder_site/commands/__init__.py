"""Operator commands, one file per noun; each has a `commands` group or command that cli.py puts on the app."""
