"""Who the sandbox pretends to be: the fixed, public credentials that a site uses against it.

Must never hold anything that works against the real Twilio.
"""

import secrets
from dataclasses import dataclass

ACCOUNT_SID = "AC" + "5a" * 16
AUTH_TOKEN = "sandbox-auth-token-for-local-use"  # noqa: S105 (public on purpose: it opens nothing but the sandbox)
API_KEY = "SK" + "5a" * 16
API_SECRET = "sandbox-api-secret-for-local-use"  # noqa: S105 (public on purpose: it opens nothing but the sandbox)
MESSAGING_SERVICE_SID = "MG" + "5a" * 16
SENDER_NUMBER = "+15005550006"
SENDER_NUMBER_SID = "PN" + "5a" * 16
INBOUND_URL = "http://127.0.0.1:8000/webhooks/twilio/inbound"


@dataclass(frozen=True, slots=True)
class Identity:
    """The account, its keys, its first Messaging Service, and where the texts of patients are sent."""

    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    messaging_service_sid: str = MESSAGING_SERVICE_SID
    inbound_url: str = INBOUND_URL

    def accepts(self, username: str, password: str) -> bool:
        """Tell whether these are the account's own credentials or its API key's."""
        return (username, password) in ((self.account_sid, self.auth_token), (API_KEY, API_SECRET))


def new_sid(prefix: str) -> str:
    """Make a SID of a kind."""
    return prefix + secrets.token_hex(16)
