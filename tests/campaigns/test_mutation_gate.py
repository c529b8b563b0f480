"""Each rule of the protocol is held by a test that fails without it."""

import pytest

from tests.campaigns.mutations import GATE, copy_to, is_noticed, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the project to take rules out of."""
    folder = tmp_path_factory.mktemp("mutants")
    copy_to(folder)
    return folder


@pytest.mark.parametrize("mutation", GATE, ids=lambda mutation: mutation.rule)
def test_without_a_rule_its_test_fails(mutation, folder):
    assert is_noticed(mutation, folder)


def test_with_all_rules_those_tests_pass(folder):
    assert run(GATE[2].test, folder) == 0
