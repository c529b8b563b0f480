"""Whether a site answers at the public address: before a restore, the one this database is a copy of must be silent."""

import json
import urllib.error
import urllib.request

PATIENCE_SECONDS = 3


def answers(base_url: str) -> bool:
    """Say whether a site of this kind answers at an address; whatever else answers there is none."""
    try:
        with urllib.request.urlopen(f"{base_url}/healthz", timeout=PATIENCE_SECONDS) as reply:  # noqa: S310 - checked when read
            told = json.loads(reply.read(1_000_000))
    except urllib.error.HTTPError as error:
        return error.code == 503 and b'"checks"' in error.read(1_000_000)
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and "checks" in told
