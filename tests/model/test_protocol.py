"""Every order of events of the modelled protocol keeps its promises, and needs each of its rules to do so."""

import pytest

from tests.model.protocol import RULES, explore, stuck


def test_no_order_of_events_breaks_a_promise():
    worlds, broken, path = explore()
    assert broken is None, "\n".join(map(str, path))
    assert worlds > 500


def test_a_wanted_text_is_never_stuck():
    assert stuck() == []


@pytest.mark.parametrize("rule", RULES)
def test_without_a_rule_some_order_of_events_breaks_a_promise(rule):
    assert explore(frozenset({rule}))[1] is not None
