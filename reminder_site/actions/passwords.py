"""Password hashes: Argon2id with 19 MiB and two passes (OWASP's second choice of parameters). Keeps no password."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from reminder_site.domain.passwords import LONGEST_BYTES

_hasher = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)


def hash_password(password: str) -> str:
    """Return the hash to keep."""
    return _hasher.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Tell whether a password fits a hash; takes as long when there is none (an unknown account)."""
    given = password.encode(errors="surrogatepass")
    try:
        _hasher.verify(kept or _nobodys(), given[:LONGEST_BYTES])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None and len(given) <= LONGEST_BYTES


def outgrown(kept: str) -> bool:
    """Tell whether a hash was made with older parameters and should be made anew."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _hasher.hash("of nobody at all")
