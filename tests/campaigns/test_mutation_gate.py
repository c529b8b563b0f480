"""Each rule of the protocol is held by a test that fails without it."""

import pytest

from tests.campaigns.mutations import GATE, a_copy, without

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PASSED, FAILED = 0, 1


def test_with_all_rules_their_tests_pass_and_without_a_rule_its_test_fails(tmp_path):
    with a_copy(tmp_path) as run:
        assert run(*(mutation.test for mutation in GATE)) == PASSED
        ended = {}
        for mutation in GATE:
            with without(mutation, tmp_path):
                ended[mutation.rule] = run(mutation.test)
    assert ended == {mutation.rule: FAILED for mutation in GATE}
