"""Every setting of the site, read once from the environment; a bad value refuses to start and names the variable."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from flask import current_app

from reminder_site.setting_checks import (
    LOOPBACK,
    NUMBERS,
    STORES,
    check_alerts,
    check_choices,
    check_going_live,
    check_sandbox,
    check_secret,
    check_store,
    check_watching,
)
from reminder_site.setting_checks import (
    BadSetting as BadSetting,
)

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
VERSION = "0.1.0"


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
    workers_expected: int = 1
    log_format: str = "text"
    metrics_token: str = field(default="", repr=False)
    alert_mail_to: str = ""
    alert_mail_from: str = ""
    smtp_url: str = field(default="", repr=False)
    alert_webhook_url: str = field(default="", repr=False)
    alert_webhook_secret: str = field(default="", repr=False)
    deadman_url: str = field(default="", repr=False)
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
        found = cls(**given)
        check_going_live(found)
        return found

    def __post_init__(self) -> None:
        check_secret("SECRET_KEY", self.secret_key)
        for secret in self.other_secrets:
            check_secret("SECRET_KEY_NEXT or SECRET_KEY_PREVIOUS", secret)
        for name in ("public_base_url", "twilio_base_url"):
            value = getattr(self, name)
            if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
                raise BadSetting(f"{name.upper()} must be a full http(s) address, not {value!r}")
            object.__setattr__(self, name, value.rstrip("/"))
        for name, stores in STORES.items():
            check_store(name.upper(), getattr(self, name), stores)
            object.__setattr__(self, name, _from_root(getattr(self, name)))
        check_sandbox(self)
        check_alerts(self)
        for name, (least, most) in NUMBERS.items():
            if not least <= getattr(self, name) <= most:
                raise BadSetting(f"{name.upper()} must lie between {least} and {most}")
        check_choices(self)
        if self.delivery_speed != 1 and not self.twilio_base_url:
            raise BadSetting("DELIVERY_SPEED is for trials against the sandbox: leave it at 1")
        check_watching(self)

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
    def operators(self) -> tuple[str, ...]:
        """Return the addresses that hear of every alert about the site itself."""
        return tuple(address.strip() for address in self.alert_mail_to.split(",") if address.strip())

    @property
    def webhook_tokens(self) -> tuple[str, ...]:
        """Return the auth tokens a webhook may be signed with: the current one, then the previous one."""
        return tuple(t for t in (self.twilio_auth_token, self.twilio_previous_auth_token) if t)

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """Derive one 32-byte key per secret for one purpose ("audit", "link" …): the first signs, all are accepted."""
        return tuple(derived(secret, purpose) for secret in (self.secret_key, *self.other_secrets))

    @property
    def other_secrets(self) -> tuple[str, ...]:
        """Return the secrets that are accepted and not signed with: the next one, then the previous ones."""
        return tuple(filter(None, (self.secret_key_next, *self.previous_secrets)))

    @property
    def audit_keys(self) -> tuple[bytes, ...]:
        """Return every key that an audit entry may have been sealed with; the retired ones seal nothing any more."""
        retired = (bytes.fromhex(key) for key in self.audit_keys_retired.split(",") if key)
        return (*self.keys("audit"), *retired)

    @property
    def previous_secrets(self) -> tuple[str, ...]:
        """Return the keys before the present one, newest first; several stand with commas between them."""
        return tuple(filter(None, (secret.strip() for secret in self.secret_key_previous.split(","))))


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
