"""The map of the house as a law: which room may import which room, and which packages from outside.

A new room, or a new package in a room, fails here until it has its line below (and its reason in ARCHITECTURE.md).
"""

import ast
import sys

import pytest

from tests.conventions.source import modules

INSIDE = {
    "config",
    "clock",
    "db",
    "domain",
    "models",
    "queries",
    "actions",
    "gateways",
    "web",
    "cli",
    "watching",
    "worker",
}

MAY_IMPORT = {
    "__init__": set(),
    "domain": {"domain"},
    "config": {"setting_checks"},
    "setting_checks": {"config"},  # the type only
    "clock": set(),
    "db": set(),
    "models": {"models", "db", "domain"},
    "queries": {"queries", "models", "db", "domain", "config"},
    "gateways": {"gateways", "domain", "config", "failpoints"},
    "failpoints": set(),
    "standstill": set(),
    "logs": {"config", "domain"},
    "actions": {"actions", "queries", "gateways", "models", "db", "domain", "config", "failpoints"},
    "web": {"web", "actions", "queries", "clock", "domain", "config", "gateways"},
    "safeguards": {"actions", "queries", "clock", "domain", "config", "gateways", "failpoints"},
    "handing_over": {"safeguards", "actions", "clock", "domain", "gateways", "failpoints"},
    "housekeeping": {"actions", "clock", "config", "domain", "gateways"},
    "watching": {"actions", "queries", "clock", "domain", "config", "gateways"},
    "worker": {
        "watching",
        "handing_over",
        "housekeeping",
        "safeguards",
        "actions",
        "queries",
        "clock",
        "domain",
        "config",
        "gateways",
        "failpoints",
        "logs",
        "standstill",
    },
    "commands": {"commands", "worker", "actions", "queries", "clock", "domain", "config", "db", "gateways", "serving"},
    "cli": {"cli", "commands", "worker", "actions", "queries", "clock", "domain", "config"},
    "app": INSIDE,
    "starting": {"app", "config", "queries"},
    "serving": set(),
    "sandbox": {"sandbox"},
    "processes": set(),
    "supervisor": {"processes", "config", "setting_checks", "sandbox", "serving"},
}

PACKAGES = {
    "__init__": set(),
    "domain": {"pendulum", "phonenumbers", "holidays", "icalendar", "tzdata", "zxcvbn"},
    "config": {"dotenv", "flask"},
    "setting_checks": set(),
    "clock": {"pendulum"},
    "db": {"flask_sqlalchemy", "pendulum", "sqlalchemy"},
    "models": {"pendulum", "sqlalchemy"},
    "queries": {"pendulum", "sqlalchemy"},
    "gateways": {"flask", "huey", "pendulum", "pyrage", "requests", "standardwebhooks", "twilio", "urllib3"},
    "failpoints": set(),
    "standstill": set(),
    "logs": {"structlog"},
    "actions": {"argon2", "cryptography", "pendulum", "pyotp", "sqlalchemy", "webauthn"},
    "web": {
        "email_validator",
        "flask",
        "flask_limiter",
        "flask_login",
        "flask_wtf",
        "itsdangerous",
        "markupsafe",
        "pendulum",
        "prometheus_client",
        "segno",
        "structlog",
        "werkzeug",
        "wtforms",
    },
    "safeguards": {"flask"},
    "handing_over": {"flask", "pendulum"},
    "housekeeping": {"flask", "pendulum"},
    "watching": {"flask", "pendulum"},
    "worker": {"flask"},
    "commands": {"click", "dotenv", "flask", "flask_migrate", "pendulum"},
    "cli": {"flask"},
    "app": {"flask", "flask_limiter", "flask_login", "flask_migrate", "flask_wtf", "huey", "sqlalchemy", "werkzeug"},
    "starting": {"flask"},
    "sandbox": {"jinja2", "markupsafe", "phonenumbers", "werkzeug"},
    "serving": set(),
    "processes": set(),
    "supervisor": {"dotenv"},
}

# Rules are worked out from what they are given: no files, no network, no clock, no environment.
NOT_IN_THE_DOMAIN = {
    "http",
    "os",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
    "urllib",
}


def room_of(path):
    return path.split("/")[1].removesuffix(".py")


def imported(module):
    """Name all that a module imports, in full ("reminder_site.web.forms", "sqlalchemy.orm")."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            inside = node.module == "reminder_site"
            yield from (f"reminder_site.{alias.name}" for alias in node.names) if inside else [node.module]


def relative_imports(module):
    return [n.lineno for n in ast.walk(module.tree) if isinstance(n, ast.ImportFrom) and n.level]


@pytest.mark.parametrize("module", modules("reminder_site"), ids=lambda module: module.path)
def test_a_module_imports_only_the_rooms_and_packages_of_its_own_room(module):
    room = room_of(module.path)
    names = [name.split(".") for name in imported(module)]
    rooms = {name[1] for name in names if name[0] == "reminder_site" and len(name) > 1}
    packages = {name[0] for name in names} - {"reminder_site"} - sys.stdlib_module_names
    assert rooms <= MAY_IMPORT[room], f"{room} may not import {sorted(rooms - MAY_IMPORT[room])}"
    assert packages <= PACKAGES[room], f"{room} may not use {sorted(packages - PACKAGES[room])}"
    assert not relative_imports(module), "write imports out in full"


def test_the_rules_touch_nothing_outside_themselves():
    domain = [module for module in modules("reminder_site") if room_of(module.path) == "domain"]
    found = {(m.path, name) for m in domain for name in imported(m) if name.split(".")[0] in NOT_IN_THE_DOMAIN}
    assert not found


def test_the_same_rooms_stand_in_both_tables():
    assert MAY_IMPORT.keys() == PACKAGES.keys()


def test_only_actions_open_a_transaction():
    openers = {
        module.path
        for module in modules("reminder_site")
        if room_of(module.path) != "sandbox"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "transaction"
    }
    assert {room_of(path) for path in openers} <= {"actions"}, openers


def test_only_one_file_speaks_twilio():
    speakers = {
        module.path
        for module in modules("reminder_site")
        for name in imported(module)
        if name.split(".")[0] == "twilio"
    }
    assert {room_of(path) for path in speakers} <= {"gateways"}, speakers


def test_nothing_is_imported_inside_a_function():
    hidden = [
        f"{module.path}:{node.lineno}"
        for folder in ("reminder_site", "tests")
        for module in modules(folder)
        for function in module.functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden
