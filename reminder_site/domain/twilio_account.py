"""What Twilio says of an account and its Messaging Services, in plain values. Knows no network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """The account: `status` is active, suspended or closed, `kind` Full or Trial."""

    status: str
    kind: str


@dataclass(frozen=True)
class Registration:
    """How one registration stands, in Twilio's own word; `why` is what it says against it."""

    what: str
    status: str
    why: str = ""


@dataclass(frozen=True)
class Sender:
    """One sender of a pool; `kind` is "long code", "toll-free", "short code" or "alphanumeric".

    `webhook` is where its own texts go, which counts only while the service leaves that to its numbers.
    """

    name: str
    kind: str
    country: str
    webhook: str = ""
    verification: Registration | None = None


@dataclass(frozen=True)
class Service:
    """A Messaging Service as far as this site depends on it."""

    sid: str
    name: str
    inbound_url: str
    inbound_method: str
    fallback_url: str
    leaves_it_to_numbers: bool
    senders: tuple[Sender, ...]
    campaigns: tuple[Registration, ...]
    brands: tuple[Registration, ...]
