"""Every setting of the site, read once from the environment; a bad value refuses to start and names the variable."""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from flask import current_app

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
MIN_SECRET_BYTES = 32
EXAMPLE_SECRET = "replace-me-with-32-random-bytes-or-more"  # noqa: S105 - the value refused below
NUMBERS = {
    "port": (1, 65_535),
    "sandbox_port": (1, 65_535),
    "trusted_proxies": (0, 10),
    "texts_in_flight": (1, 1_000),
    "texts_per_second_after_trouble": (1, 1_000),
    "sweep_seconds": (1, 3_600),
    "session_idle_minutes": (1, 720),
    "backup_minutes": (0, 1_440),
    "delivery_speed": (1, 10_000),
}
CHOICES = {"twilio_forgets": ("never", "erased", "all")}
RECIPIENTS = re.compile(r"age1[02-9ac-hj-np-z]{58}(, ?age1[02-9ac-hj-np-z]{58})*")
RETIRED_KEYS = re.compile(r"[0-9a-f]{64}(,[0-9a-f]{64})*")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SANDBOX_ACCOUNT_SID = "AC" + "5a" * 16


class BadSetting(ValueError):
    """A setting is missing or unusable; the message names the variable and says what to put there."""


@dataclass(frozen=True)
class Settings:
    """The site's settings; `from_env` reads the variables of the same names in capitals."""

    secret_key: str = field(repr=False)
    secret_key_next: str = field(default="", repr=False)
    secret_key_previous: str = field(default="", repr=False)
    audit_keys_retired: str = field(default="", repr=False)
    database_url: str = "sqlite:///instance/reminder_site.db"
    queue_url: str = "sqlite:///instance/queue.db"
    public_base_url: str = "http://127.0.0.1:8000"
    twilio_account_sid: str = ""
    twilio_auth_token: str = field(default="", repr=False)
    twilio_previous_auth_token: str = field(default="", repr=False)
    twilio_api_key: str = ""
    twilio_api_secret: str = field(default="", repr=False)
    twilio_messaging_service_sid: str = ""
    twilio_base_url: str = ""
    port: int = 8000
    sandbox_port: int = 8001
    trusted_proxies: int = 0
    texts_in_flight: int = 64
    texts_per_second_after_trouble: int = 20
    sweep_seconds: int = 15
    session_idle_minutes: int = 15
    delivery_speed: int = 1
    data_folder: str = ""
    backup_recipients: str = ""
    backup_minutes: int = 5
    twilio_forgets: str = "erased"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment (and `.env` below it); raise BadSetting on an unusable value."""
        if environ is None:
            environ = {**{k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}, **os.environ}
        given: dict[str, Any] = {}
        for name, spec in cls.__dataclass_fields__.items():
            raw = environ.get(name.upper(), "").strip()
            if raw:
                given[name] = _whole_number(name, raw) if spec.type is int else raw
        if "secret_key" not in given:
            raise BadSetting("SECRET_KEY is missing: put at least 32 random bytes there (make run does it for you)")
        return cls(**given)

    def __post_init__(self) -> None:
        for name in ("secret_key", "secret_key_next", "secret_key_previous"):
            _check_secret(name.upper(), getattr(self, name))
        for name in ("public_base_url", "twilio_base_url"):
            value = getattr(self, name)
            if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
                raise BadSetting(f"{name.upper()} must be a full http(s) address, not {value!r}")
            object.__setattr__(self, name, value.rstrip("/"))
        for name in ("database_url", "queue_url"):
            object.__setattr__(self, name, _from_root(getattr(self, name)))
        _check_sandbox(self)
        for name, (least, most) in NUMBERS.items():
            if not least <= getattr(self, name) <= most:
                raise BadSetting(f"{name.upper()} must lie between {least} and {most}")
        _check_choices(self)
        if self.delivery_speed != 1 and not self.twilio_base_url:
            raise BadSetting("DELIVERY_SPEED is for trials against the sandbox: leave it at 1")

    @property
    def uses_sandbox(self) -> bool:
        """Say whether texts go to the sandbox instead of Twilio."""
        return bool(self.twilio_base_url)

    @property
    def is_live(self) -> bool:
        """Say whether texts reach real phones, or the site is meant to be reached from outside this machine."""
        real_account = bool(self.twilio_account_sid) and not self.uses_sandbox
        return real_account or urlsplit(self.public_base_url).hostname not in LOOPBACK

    @property
    def data_path(self) -> Path:
        """Return the folder of what this machine keeps besides the database: DATA_FOLDER, or beside a SQLite file."""
        beside = self.database_url.removeprefix("sqlite:///")
        beside_file = beside != self.database_url and Path(beside).is_absolute()
        return Path(self.data_folder or (Path(beside).parent if beside_file else INSTANCE))

    @property
    def webhook_tokens(self) -> tuple[str, ...]:
        """Return the auth tokens a webhook may be signed with: the current one, then the previous one."""
        return tuple(t for t in (self.twilio_auth_token, self.twilio_previous_auth_token) if t)

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """Derive one 32-byte key per secret for one purpose ("audit", "link" …): the first signs, all are accepted."""
        return tuple(derived(secret, purpose) for secret in (self.secret_key, *self.other_secrets))

    @property
    def other_secrets(self) -> tuple[str, ...]:
        """Return the secrets that are accepted and not signed with: the next one, then the previous one."""
        return tuple(secret for secret in (self.secret_key_next, self.secret_key_previous) if secret)

    @property
    def audit_keys(self) -> tuple[bytes, ...]:
        """Return every key that an audit entry may have been sealed with; the retired ones seal nothing any more."""
        retired = (bytes.fromhex(key) for key in self.audit_keys_retired.split(",") if key)
        return (*self.keys("audit"), *retired)


def derived(secret: str, purpose: str) -> bytes:
    """Derive the 32-byte key of a secret for one purpose."""
    return hmac.digest(secret.encode(), b"reminder-site:" + purpose.encode(), hashlib.sha256)


def settings() -> Settings:
    """Return the running site's settings."""
    found: Settings = current_app.extensions["settings"]
    return found


def _from_root(url: str) -> str:
    """Let a relative SQLite file stand in the project, whichever folder a process was started in."""
    path = url.removeprefix("sqlite:///")
    if path == url or path.startswith(("/", ":")):
        return url
    return f"sqlite:///{ROOT / path}"


def _whole_number(name: str, raw: str) -> int:
    if not raw.isdecimal():
        raise BadSetting(f"{name.upper()} must be a whole number, not {raw!r}")
    return int(raw)


def _check_secret(name: str, value: str) -> None:
    if name != "SECRET_KEY" and not value:
        return
    if value == EXAMPLE_SECRET or len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 8:
        raise BadSetting(f"{name} must be at least {MIN_SECRET_BYTES} random bytes and not the example value")


def _check_choices(given: Settings) -> None:
    if given.backup_recipients and not RECIPIENTS.fullmatch(given.backup_recipients):
        raise BadSetting("BACKUP_RECIPIENTS must be age public keys (age1…) with commas between them")
    if given.audit_keys_retired and not RETIRED_KEYS.fullmatch(given.audit_keys_retired):
        raise BadSetting("AUDIT_KEYS_RETIRED must be keys of 64 hexadecimal digits with commas between them")
    for name, allowed in CHOICES.items():
        if getattr(given, name) not in allowed:
            raise BadSetting(f"{name.upper()} must be one of {', '.join(allowed)}")


def _check_sandbox(settings: Settings) -> None:
    if not settings.twilio_base_url:
        if settings.twilio_account_sid == SANDBOX_ACCOUNT_SID:
            raise BadSetting("TWILIO_ACCOUNT_SID is the sandbox's: set TWILIO_BASE_URL, or put your own account there")
        return
    if urlsplit(settings.twilio_base_url).hostname not in LOOPBACK:
        raise BadSetting("TWILIO_BASE_URL may only be a loopback address: the auth token is sent there")
    if settings.twilio_account_sid != SANDBOX_ACCOUNT_SID:
        raise BadSetting("TWILIO_BASE_URL is set together with a real TWILIO_ACCOUNT_SID: unset one of them")
