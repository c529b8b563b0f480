"""X-Twilio-Signature: how Twilio proves that a request to a webhook is its own."""

import base64
import hashlib
import hmac
from collections.abc import Mapping


def sign(url: str, parameters: Mapping[str, str], auth_token: str) -> str:
    """Sign a form request: the URL without its fragment, then each parameter by name (Twilio, webhook security)."""
    signed = url.partition("#")[0] + "".join(name + parameters[name] for name in sorted(parameters))
    digest = hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")
