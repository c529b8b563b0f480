"""What each setting has to be: a bad one is refused as the site starts, by the variable's name.

`config.Settings` asks these as it is made, and `check_going_live` when it is read from the environment.
"""

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from reminder_site.config import Settings

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
    "workers_expected": (1, 1_000),
}
MIN_TOKEN_LETTERS = 16
LOG_FORMATS = ("text", "json")
STORES = {
    "database_url": ("sqlite", "postgresql", "postgres"),
    "queue_url": ("sqlite", "postgresql", "postgres", "redis", "rediss"),
}
SIDS = {"twilio_account_sid": "AC", "twilio_api_key": "SK", "twilio_messaging_service_sid": "MG"}
SID_LENGTH = 34
CHOICES = {"twilio_forgets": ("never", "erased", "all")}
RECIPIENTS = re.compile(r"age1[02-9ac-hj-np-z]{58}(, ?age1[02-9ac-hj-np-z]{58})*")
RETIRED_KEYS = re.compile(r"[0-9a-f]{64}(,[0-9a-f]{64})*")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SANDBOX_ACCOUNT_SID = "AC" + "5a" * 16


class BadSetting(ValueError):
    """A setting is missing or unusable; the message names the variable and says what to put there."""


def check_secret(name: str, value: str) -> None:
    """Refuse a key that could be guessed."""
    if value == EXAMPLE_SECRET or len(value.encode()) < MIN_SECRET_BYTES or len(set(value)) < 8:
        raise BadSetting(f"{name} must be at least {MIN_SECRET_BYTES} random bytes and not the example value")


def check_store(name: str, url: str, stores: tuple[str, ...]) -> None:
    """Refuse the address of a store that cannot be read, or is of another kind."""
    try:
        parts = urlsplit(url)
        readable = parts.netloc.count("@") <= 1 and parts.port != 0
    except ValueError:
        readable = False
    if not readable:
        raise BadSetting(f"{name} cannot be read: a password stands there %-encoded (%40 for @, %2F for /, %23 for #)")
    if parts.scheme.partition("+")[0] not in stores:
        raise BadSetting(f"{name} must begin with {' or '.join(f'{store}://' for store in stores)}")


def check_choices(settings: "Settings") -> None:
    """Refuse a word that is none of those that mean something."""
    if settings.backup_recipients and not RECIPIENTS.fullmatch(settings.backup_recipients):
        raise BadSetting("BACKUP_RECIPIENTS must be age public keys (age1…) with commas between them")
    if settings.audit_keys_retired and not RETIRED_KEYS.fullmatch(settings.audit_keys_retired):
        raise BadSetting("AUDIT_KEYS_RETIRED must be keys of 64 hexadecimal digits with commas between them")
    for name, allowed in CHOICES.items():
        if getattr(settings, name) not in allowed:
            raise BadSetting(f"{name.upper()} must be one of {', '.join(allowed)}")


def check_sandbox(settings: "Settings") -> None:
    """Refuse a mixture of sandbox and real account."""
    if not settings.twilio_base_url:
        if settings.twilio_account_sid == SANDBOX_ACCOUNT_SID:
            raise BadSetting("TWILIO_ACCOUNT_SID is the sandbox's: set TWILIO_BASE_URL, or put your own account there")
        return
    if urlsplit(settings.twilio_base_url).hostname not in LOOPBACK:
        raise BadSetting("TWILIO_BASE_URL may only be a loopback address: the auth token is sent there")
    if settings.twilio_account_sid != SANDBOX_ACCOUNT_SID:
        raise BadSetting("TWILIO_BASE_URL is set together with a real TWILIO_ACCOUNT_SID: unset one of them")


def check_watching(settings: "Settings") -> None:
    """Refuse settings of log and metrics that mean nothing."""
    if settings.log_format not in LOG_FORMATS:
        raise BadSetting(f"LOG_FORMAT must be {' or '.join(LOG_FORMATS)}, not {settings.log_format!r}")
    if settings.metrics_token and len(settings.metrics_token) < MIN_TOKEN_LETTERS:
        raise BadSetting(f"METRICS_TOKEN must have at least {MIN_TOKEN_LETTERS} letters")


def check_alerts(settings: "Settings") -> None:
    """Refuse ways of telling of troubles that could tell nobody."""
    for name in ("alert_webhook_url", "deadman_url", "smtp_url"):
        value, schemes = getattr(settings, name), {"smtp", "smtps"} if name == "smtp_url" else {"http", "https"}
        if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).hostname):
            raise BadSetting(
                f"{name.upper()} must be a full address that begins with {' or '.join(sorted(schemes))}://"
            )
    if bool(settings.alert_webhook_url) != bool(settings.alert_webhook_secret):
        raise BadSetting("ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET only work together: set both or neither")
    if settings.alert_webhook_secret and not _is_webhook_secret(settings.alert_webhook_secret):
        raise BadSetting("ALERT_WEBHOOK_SECRET must be whsec_ and then 24 to 64 random bytes in base64")
    if settings.alert_mail_to and not settings.smtp_url:
        raise BadSetting("ALERT_MAIL_TO needs SMTP_URL: where mails are handed over")
    if settings.smtp_url and "@" not in settings.alert_mail_from:
        raise BadSetting("SMTP_URL needs ALERT_MAIL_FROM: the address that mails come from")
    if not all("@" in address and address.isprintable() for address in settings.operators):
        raise BadSetting("ALERT_MAIL_TO must be e-mail addresses with commas between them")


def _is_webhook_secret(value: str) -> bool:
    """Tell whether a secret is as Standard Webhooks has it; a pasted signature, or an encoded prefix, is not."""
    try:
        key = base64.b64decode(value.removeprefix("whsec_") + "==", validate=False)
    except ValueError:
        return False
    return value.startswith("whsec_") and 24 <= len(key) <= 64


def check_going_live(settings: "Settings") -> None:
    """Refuse what a site that real phones hear of cannot do without: each gap would show only later, at a patient's."""
    address = urlsplit(settings.public_base_url)
    if address.hostname not in LOOPBACK and address.scheme != "https":
        raise BadSetting(
            f"PUBLIC_BASE_URL must begin with https:// (not {settings.public_base_url}): links are secrets"
        )
    if settings.uses_sandbox or not settings.twilio_account_sid:
        return
    _check_sids(settings)
    if address.hostname in LOOPBACK:
        raise BadSetting(
            "PUBLIC_BASE_URL is missing: put the https:// address there that Twilio and patients can reach"
        )
    if not settings.twilio_auth_token:
        raise BadSetting("TWILIO_AUTH_TOKEN is missing: Twilio's webhooks are checked with it, also beside an API key")
    if bool(settings.twilio_api_key) != bool(settings.twilio_api_secret):
        raise BadSetting("TWILIO_API_KEY and TWILIO_API_SECRET belong together: put both there or neither")
    if not settings.twilio_messaging_service_sid:
        raise BadSetting("TWILIO_MESSAGING_SERVICE_SID is missing: Twilio keeps a text for later only with a service")


def _check_sids(settings: "Settings") -> None:
    for name, prefix in SIDS.items():
        value = getattr(settings, name)
        if value and not (value.startswith(prefix) and len(value) == SID_LENGTH):
            raise BadSetting(f"{name.upper()} must be {SID_LENGTH} letters and digits that begin with {prefix}")
