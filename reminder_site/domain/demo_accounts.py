"""The demo's accounts. Their password is published, so they may sign in only where nobody from outside can reach."""

from typing import Final

PASSWORD: Final = "quiet harbour paints seven kites"  # noqa: S105 - only for clinics that do not exist
EMAILS: Final = frozenset({"dana@elm.example", "alice@elm.example", "mara@elm.example", "bob@oak.example"})


def is_published(email: str, password: str) -> bool:
    """Tell whether an account or a password is one that everybody can read in the demo."""
    return email in EMAILS or password == PASSWORD
