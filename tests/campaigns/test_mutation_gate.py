"""The gate notices a rule of the protocol that is gone; `.ci/run` takes out one after the other."""

from dataclasses import replace

import pytest

from tests.campaigns.mutations import GATE, unseen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_rule_that_its_test_misses_is_named_and_no_other(tmp_path):
    fence = next(rule for rule in GATE if rule.rule == "fence")
    still_there = replace(fence, rule="nothing taken out", after=fence.before)
    assert unseen([fence, still_there], tmp_path) == ["nothing taken out"]
