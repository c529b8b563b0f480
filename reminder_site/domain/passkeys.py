"""Where passkeys (WebAuthn) work, and for which names and origins they are made."""

import ipaddress
from dataclasses import dataclass
from typing import Final

CHALLENGE_MINUTES: Final = 60  # how long a page with a challenge can be used; each is answered once
MOST: Final = 10  # of one account
LONGEST_NAME: Final = 60


@dataclass(frozen=True)
class Party:
    """The site as passkeys know it: the host's name, and where its pages come from."""

    host: str
    origin: str


def party(scheme: str, host: str, port: int | None) -> Party | None:
    """Return the site as passkeys know it; None where browsers make none: at a bare address, or without https.

    WebAuthn, 5.1.3: the name is a domain, and the page a secure context, which localhost is too.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        secure = scheme == "https" or host == "localhost"
        return Party(host, f"{scheme}://{host}" + (f":{port}" if port else "")) if secure else None
    return None
