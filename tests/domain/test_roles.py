"""Who may manage whose account."""

import pytest

from reminder_site.domain.roles import ROLES, manageable, may_manage
from reminder_site.web.access import ROLES_OF


@pytest.mark.parametrize(
    ("own", "others"),
    [
        ("reception", set()),
        ("auditor", set()),
        ("manager", {"reception", "auditor"}),
        ("administrator", {"reception", "auditor", "manager", "administrator"}),
        ("somebody", set()),
    ],
)
def test_nobody_manages_an_account_above_their_own(own, others):
    assert {other for other in ROLES if may_manage(own, other)} == others
    assert {role for role, _ in manageable(own)} == others


def test_the_gate_knows_the_same_roles():
    assert set().union(*ROLES_OF.values()) | {"auditor"} == set(ROLES)
