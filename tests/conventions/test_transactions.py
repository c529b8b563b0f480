"""A transaction may be run anew as a whole: nothing in it asks the network, and whoever opens one says so."""

import ast
from functools import cache

import pytest

from tests.conventions.source import modules

# What asks Twilio, or anybody else outside, is called on one of these, whatever the name of the method.
OUTSIDE = {"sms", "client", "letter", "webhook"}


def called(node):
    """Name what a call is made on and by: ("sms", "cancel") for sms.cancel(...), ("", "note") for note(...)."""
    of = node.func
    if isinstance(of, ast.Attribute):
        base = of.value
        return getattr(base, "attr", getattr(base, "id", "")), of.attr
    return "", getattr(of, "id", "")


def opens_a_transaction(node):
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Call) and called(item.context_expr)[1] == "transaction" for item in node.items
    )


@cache
def openers():
    """Read each function of the site that opens a transaction; the sandbox is another process with its own file."""
    return [
        pytest.param(function, id=f"{module.path}:{function.name}")
        for module in modules("reminder_site")
        if not module.path.startswith("reminder_site/sandbox/")
        for function in module.functions
        if any(opens_a_transaction(node) for node in ast.walk(function))
    ]


def hands_on(node):
    """Say whether a call hands somebody the way to Twilio."""
    return {getattr(given, "id", "") for given in [*node.args, *(each.value for each in node.keywords)]} & OUTSIDE


@pytest.mark.parametrize("function", openers())
def test_what_opens_a_transaction_is_run_anew_when_it_lost_a_race(function):
    assert "retried" in {getattr(each, "id", "") for each in function.decorator_list}


@pytest.mark.parametrize("function", openers())
def test_what_opens_a_transaction_asks_nobody_outside(function):
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    assert not [ast.unparse(call) for call in calls if called(call)[0] in OUTSIDE or hands_on(call)]


def test_both_rules_would_notice():
    bad = ast.parse("def f(sms):\n    with transaction() as session:\n        sms.cancel(1)\n        ask(sms)\n").body[
        0
    ]
    assert opens_a_transaction(bad.body[0])
    calls = [node for node in ast.walk(bad) if isinstance(node, ast.Call)]
    assert [called(call) for call in calls if called(call)[0] in OUTSIDE] == [("sms", "cancel")]
    assert [ast.unparse(call) for call in calls if hands_on(call)] == ["ask(sms)"]
    assert len(openers()) > 40
