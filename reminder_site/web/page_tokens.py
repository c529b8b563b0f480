"""The token in each form of a patient's page: which page it is, what that showed and when it went out, signed.

Nothing is kept for it: only a page that was pressed leaves a row (models.PagePress).
"""

import hmac
import re
import secrets
import threading
from dataclasses import replace
from hashlib import sha256

import pendulum
from flask import request

from reminder_site.config import settings
from reminder_site.domain.issued_page import SOONEST_SECONDS, IssuedPage
from reminder_site.queries.links import Linked
from reminder_site.web.now import machine_now

SHAPE = re.compile(
    r"(?P<number>[0-9a-f]{24})_(?P<at>\d{1,15})_(?P<version>\d{1,9})_(?P<shown>[0-9a-f]{16})_(?P<sure>[01])"
)
SEAL_LENGTH = 32


def issue(linked: Linked, *, sure_of: IssuedPage | None = None) -> str:
    """Make the token of a page that goes out now; `sure_of` is the page it asks about once more."""
    page = IssuedPage(secrets.token_hex(12), linked.version, linked.shown, machine_now())
    if sure_of is not None:
        page = replace(page, number=sure_of.number, sure=True)
    at = int(page.issued_at.timestamp() * 1000)
    words = f"{page.number}_{at}_{page.version}_{page.shown}_{page.sure:d}"
    return f"{words}_{_seal(linked.link_id, words, settings().keys('page')[0])}"


def read(linked: Linked, token: str) -> IssuedPage | None:
    """Return the page of this link that a token was issued with; None when none was."""
    words, _, seal = token.rpartition("_")
    found = SHAPE.fullmatch(words)
    good = [_seal(linked.link_id, words, key).encode() for key in settings().keys("page")]
    if not any([hmac.compare_digest(seal.encode(), one) for one in good]) or found is None:
        return None
    at = pendulum.from_timestamp(int(found["at"]) / 1000)
    return IssuedPage(found["number"], int(found["version"]), found["shown"], at, found["sure"] == "1")


def _seal(link_id: int, words: str, key: bytes) -> str:
    return hmac.new(key, f"{link_id}:{words}".encode(), sha256).hexdigest()[:SEAL_LENGTH]


class Heads:
    """Who asked for the head of a page alone, a moment ago: people never do. Kept in memory, for a moment."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], pendulum.DateTime] = {}
        self._lock = threading.Lock()

    def note(self, token: str) -> None:
        """Take note that this program asked for a head of a link's page."""
        with self._lock:
            self._seen = {who: at for who, at in self._seen.items() if _lately(at)}
            self._seen[_who(token)] = machine_now()

    def just_seen(self, token: str) -> bool:
        """Say whether the same program asked for one a moment ago."""
        at = self._seen.get(_who(token))
        return at is not None and _lately(at)


heads = Heads()


def _lately(at: pendulum.DateTime) -> bool:
    return abs((machine_now() - at).total_seconds()) < SOONEST_SECONDS


def _who(token: str) -> tuple[str, ...]:
    return token, request.remote_addr or "", request.headers.get("User-Agent", "")
