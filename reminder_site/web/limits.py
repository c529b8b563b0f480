"""How often may be tried: links that lead nowhere by network, answers by link. Counted in memory, per process."""

import ipaddress
from typing import Final

from flask import Flask, Response, request
from flask_limiter import Limiter

from reminder_site.web import opened
from reminder_site.web.pages import manage

TRIES = "30 per 10 minutes"
HOUSEHOLD_BITS: Final = 64  # one line gets 2^64 addresses at least (RFC 6177): whoever guesses has them all


def register(app: Flask) -> None:
    """Put the limits on the patient's pages. A link that opens is never refused for what its neighbours tried."""
    limiter = Limiter(network, app=app, storage_uri="memory://", strategy="moving-window")
    limiter.limit(TRIES, deduct_when=_led_nowhere, exempt_when=_opens, scope="guess")(manage.pages)
    limiter.limit(TRIES, key_func=_link_or_network, methods=["POST"], scope="answer")(manage.pages)


def network() -> str:
    """Return whose tries are counted together: an IPv4 address, or the /64 around an IPv6 one."""
    try:
        address = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return request.remote_addr or ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, HOUSEHOLD_BITS), strict=False))


def _opens() -> bool:
    return opened.opens(_token())


def _link_or_network() -> str:
    return f"link {_token()}" if _opens() else network()


def _token() -> str:
    return str((request.view_args or {}).get("token", ""))


def _led_nowhere(response: Response) -> bool:
    return response.status_code in {404, 410}
