"""Texts to the operator's own phone that try out a live site: their words, their times, and what their end means."""

import re
from dataclasses import dataclass
from typing import Final, Literal

import pendulum

from reminder_site.domain import codes
from reminder_site.domain.delivery import NEAREST_MINUTES
from reminder_site.domain.readiness import Finding

Kind = Literal["reply", "schedule", "validity"]
CODE: Final = re.compile(r"\s*([0-9]{4})\s*", re.ASCII)
ANSWERED_WITHIN_MINUTES: Final = 60
KEPT_DAYS: Final = 30
VALIDITY_SECONDS: Final = 600  # less than the 16 minutes Twilio keeps it for: only one of two readings lets it arrive
SCHEDULED_FOR_HOURS: Final = 24
BODIES: Final[dict[str, str]] = {
    "reply": "Your reminder site: this is a trial text. Please reply with {code}.",
    "schedule": "Your reminder site: this trial text was to be withdrawn. Nothing has to be done.",
    "validity": "Your reminder site: this trial text was scheduled with a validity of 10 minutes, and arrived.",
}
ARRIVED: Final = frozenset({"sent", "delivered", "read"})
LOST: Final = frozenset({"failed", "undelivered", "canceled"})
EXPIRED: Final = 30036  # the validity was over


@dataclass(frozen=True)
class Trial:
    """How a trial text stands: `status` and `error_code` are Twilio's, `receipts` what came to our webhook.

    `replied_at` is UTC; `by_webhook` says whether the reply came by the webhook, or by Twilio's list only.
    """

    kind: str
    code: str
    status: str = ""
    error_code: int | None = None
    receipts: tuple[str, ...] = ()
    replied_at: pendulum.DateTime | None = None
    by_webhook: bool | None = None

    @property
    def is_over(self) -> bool:
        """Whether waiting any longer tells nothing new."""
        if self.status in LOST or self.kind == "schedule":
            return True
        if self.kind == "validity":
            return self.status in ARRIVED
        return self.replied_at is not None and bool(set(self.receipts) & (ARRIVED | LOST))


def send_at(kind: Kind, now: pendulum.DateTime) -> pendulum.DateTime | None:
    """Return when Twilio is to send a trial text (UTC); None for at once."""
    if kind == "validity":
        return now.add(minutes=NEAREST_MINUTES)
    return now.add(hours=SCHEDULED_FOR_HOURS) if kind == "schedule" else None


def judged(trial: Trial) -> list[Finding]:
    """Say what a trial text has shown so far."""
    return {"reply": _reply, "schedule": _schedule, "validity": _validity}[trial.kind](trial)


def _reply(trial: Trial) -> list[Finding]:
    if not trial.status or trial.status in LOST:
        return [Finding("text", "wrong", f"it did not leave: {_why(trial)}", _mend(trial))]
    text = Finding("text", "ok", f"Twilio says it is {trial.status}")
    return [text, _receipt(trial), _answer(trial)]


def _receipt(trial: Trial) -> Finding:
    if trial.receipts:
        return Finding("receipt", "ok", f"receipts come in ({', '.join(trial.receipts)})")
    step = (
        "Is PUBLIC_BASE_URL what the proxy serves, byte for byte, and TWILIO_AUTH_TOKEN the primary one? "
        "Twilio's debugger names what it met."
    )
    return Finding("receipt", "wrong", "no receipt came in", step)


def _answer(trial: Trial) -> Finding:
    if trial.replied_at is None:
        return Finding(
            "reply",
            "wrong",
            "no reply came in",
            f"Reply with {trial.code} and look again; if you did, mend the inbound webhook.",
        )
    if not trial.by_webhook:
        words = "the reply came by Twilio's list only, not by the webhook"
        return Finding("reply", "wrong", words, "Mend the inbound webhook; Twilio's debugger names what it met.")
    return Finding("reply", "ok", "the reply came in by the webhook")


def _schedule(trial: Trial) -> list[Finding]:
    if trial.status == "canceled":
        return [Finding("scheduling", "ok", "Twilio kept a text for tomorrow and withdrew it again")]
    return [Finding("scheduling", "wrong", f"Twilio did not keep and withdraw a text: {_why(trial)}", _mend(trial))]


def _validity(trial: Trial) -> list[Finding]:
    if trial.status in ARRIVED:
        words = "the ValidityPeriod of a scheduled text begins when it is sent: it arrived 6 minutes past it otherwise"
        return [Finding("validity", "ok", words)]
    if trial.error_code == EXPIRED:
        words = "the ValidityPeriod of a scheduled text begins when it is made (error 30036)"
        return [Finding("validity", "ok", words, "Nothing to do: this site gives scheduled texts none.")]
    if trial.status in LOST:
        return [Finding("validity", "wrong", f"it was lost for another reason: {_why(trial)}", _mend(trial))]
    return [Finding("validity", "note", "not known yet: Twilio keeps the text for 16 minutes", "Look again later.")]


def _why(trial: Trial) -> str:
    if trial.error_code:
        return f"{codes.of(trial.error_code).words} (error {trial.error_code})"
    return f"Twilio says {trial.status}" if trial.status else "Twilio gave no clear answer"


def _mend(trial: Trial) -> str:
    link = f"https://www.twilio.com/docs/errors/{trial.error_code}" if trial.error_code else "Twilio's debugger"
    return f"{link} says what to do."
