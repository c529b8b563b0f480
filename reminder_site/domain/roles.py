"""What the roles may do to each other's accounts. Which page is open to which role stands in web.access."""

from typing import Final

ROLES: Final = {
    "reception": "Reception: appointments, patients, answers",
    "manager": "Manager: also rules, wording, hours and the clinic's people",
    "auditor": "Auditor: reads everything, changes nothing",
    "administrator": "Administrator: also clinics and managers",
}
_MANAGES: Final = {
    "manager": frozenset({"reception", "auditor"}),
    "administrator": frozenset(ROLES),
}


def may_manage(own_role: str, other_role: str) -> bool:
    """Tell whether somebody of one role may add, change and switch off accounts of another."""
    return other_role in _MANAGES.get(own_role, frozenset())


def manageable(own_role: str) -> tuple[tuple[str, str], ...]:
    """List (role, words) of the roles somebody may give."""
    return tuple((role, words) for role, words in ROLES.items() if may_manage(own_role, role))
