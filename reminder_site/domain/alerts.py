"""The rules by which somebody is told of a trouble: what is measured, from where on, how grave, and what to do first.

Source: the site's alert table; docs/alerts.yml holds the same thresholds for Prometheus, and a test keeps them equal.
"""

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["mail", "page"]
Sign = Literal[">", ">=", "<"]
# operators: ALERT_MAIL_TO and the webhook. managers: those of the clinic that it is about.
Told = Literal["operators", "managers", "both"]

LOOK_EVERY_SECONDS: Final = 30
AGAIN_HOURS: Final = 4  # until somebody takes it (healthchecks does the same)
CALM_SECONDS: Final = 300  # so long has it to be well before it counts as over
TEST_AGAIN_DAYS: Final = 90


@dataclass(frozen=True)
class Level:
    """From where on a measure is a trouble; `clears` is how far it has to go back until that is over.

    `says` tells the figure (its fields as in `said`). `least`: of at least so many. `for_seconds`: without a break.
    `only_open`: it begins only while a clinic is open.
    """

    severity: Severity
    measure: str
    sign: Sign
    threshold: float
    clears: float
    says: str
    least: int = 0
    for_seconds: int = 0
    only_open: bool = False


@dataclass(frozen=True)
class Rule:
    """One trouble: what it is called, what it means for patients, and the first thing to do."""

    key: str
    name: str
    means: str
    first: str
    levels: tuple[Level, ...]
    mail_told: Told = "operators"
    page_told: Told = "operators"

    def told(self, severity: Severity) -> Told:
        """Return who is told of it."""
        return self.page_told if severity == "page" else self.mail_told


HOURS: Final = 3600
_STILL_LEAVE: Final = "Reminders that Twilio already holds still leave; all others wait here"

RULES: Final = (
    Rule(
        "worker_silent",
        "The worker is silent",
        f"{_STILL_LEAVE}, and answers are not acted on where a text has to follow.",
        "Look whether the worker process runs, and start it again; its log says why it ended.",
        (
            Level(
                "page",
                "beat_age_seconds",
                ">",
                90,
                clears=60,
                says="It has not looked at the outbox for {duration}",
                for_seconds=LOOK_EVERY_SECONDS,
            ),
        ),
    ),
    Rule(
        "outbox_stuck",
        "Texts that are due do not leave",
        "Reminders come late, and those for near appointments may come too late to be sent at all.",
        "Open the site's health page: it says what holds them back. If it says nothing, restart the worker.",
        (
            Level(
                "page",
                "oldest_due_seconds",
                ">",
                120,
                clears=60,
                says="The oldest should have left {duration} ago",
                for_seconds=120,
            ),
        ),
    ),
    Rule(
        "delivery_failing",
        "Many texts are not delivered",
        "These patients do not get their reminder; the day list marks their appointments.",
        "Look the code up at Twilio; if it is about our number or its registration, put that right first.",
        (
            Level(
                "mail",
                "failing_ratio",
                ">",
                0.05,
                clears=0.03,
                says="Failed in the last hour: {words}",
                least=40,
            ),
            Level(
                "page",
                "failing_ratio",
                ">",
                0.20,
                clears=0.10,
                says="Failed in the last hour: {words}",
                least=20,
            ),
        ),
    ),
    Rule(
        "receipts_silent",
        "Twilio's receipts do not come in",
        "Texts leave, but whether they arrived is learnt only by asking, minutes to hours later.",
        "Check that PUBLIC_BASE_URL can be reached from outside, and Twilio's debugger for failed webhooks.",
        (
            Level(
                "page",
                "without_receipt",
                ">=",
                50,
                clears=0,
                says="{count} texts have left in half an hour, and there is no receipt",
            ),
        ),
    ),
    Rule(
        "replies_silent",
        "No patient's reply comes in",
        "Confirmations, cancellations and opt-outs may be lost on their way; patients believe that they were heard.",
        "Text the clinic's number from your own phone; check the Messaging Service's inbound webhook at Twilio.",
        (Level("page", "silence_ratio", ">", 6, clears=1, says="{words}", least=100),),
    ),
    Rule(
        "signatures_refused",
        "Webhooks are refused for their signature",
        "If they are Twilio's, receipts and replies come in late, by asking only.",
        "Was the auth token changed, or the proxy or PUBLIC_BASE_URL? If not, somebody else calls these addresses.",
        (
            Level("mail", "refused", ">", 5, clears=0, says="Refused in ten minutes: {count}"),
            Level(
                "page", "refused_ratio", ">=", 0.20, clears=0.05, says="{words} were refused in ten minutes", least=10
            ),
        ),
    ),
    Rule(
        "twilio_stopped",
        "Twilio takes no texts from us",
        f"{_STILL_LEAVE}, and leave by themselves once it takes them again.",
        "Sign in to Twilio's console: account, balance, Messaging Service, registration; then Twilio's status page.",
        (Level("page", "stopped_seconds", ">", 120, clears=0, says="For {duration}: {words}"),),
    ),
    Rule(
        "doubt",
        "It is not certain what became of some texts",
        "They may have been sent or not; none is sent twice, so a patient may be left without one.",
        "Open what needs a person; if many are unclear, look whether Twilio's list can be read (status page).",
        (
            Level(
                "mail",
                "needs_review",
                ">",
                0,
                clears=0,
                says="Texts that need a person: {count}",
                for_seconds=1800,
                only_open=True,
            ),
            Level("page", "unclear_seconds", ">", 1800, clears=600, says="The oldest has been unclear for {duration}"),
            Level("page", "unclear", ">", 20, clears=5, says="Texts that are unclear just now: {count}"),
        ),
    ),
    Rule(
        "clock_skew",
        "This machine's clock is wrong",
        "Texts leave that much off their time; beyond five minutes none leaves at all.",
        "Switch time synchronisation (NTP) on at the machine, and look at its clock.",
        (
            Level("mail", "skew_seconds", ">", 30, clears=5, says="It differs from Twilio's by {duration}"),
            Level("page", "skew_seconds", ">", 300, clears=30, says="It differs from Twilio's by {duration}"),
        ),
    ),
    Rule(
        "disk_filling",
        "The disk is filling up",
        "When it is full nothing can be saved: no appointment, no answer, no record of what was sent.",
        "Make room on the disk of DATA_FOLDER: old logs first, then old backups that are kept elsewhere, too.",
        (
            Level("mail", "disk_free_ratio", "<", 0.25, clears=0.27, says="{percent} of it is free"),
            Level("page", "disk_free_ratio", "<", 0.10, clears=0.12, says="{percent} of it is free"),
            Level(
                "page",
                "disk_full_seconds",
                "<",
                4 * HOURS,
                clears=8 * HOURS,
                says="At this pace it is full in {duration}",
            ),
        ),
    ),
    Rule(
        "backup_old",
        "The last backup is old",
        "If the machine broke now, appointments and answers since then would be lost.",
        "Run flask --app wsgi backup --prune by hand, read what it says, and look at the timer that should run it.",
        (
            Level("mail", "backup_age_seconds", ">", 3 * HOURS, clears=2 * HOURS, says="It was made {duration} ago"),
            Level("page", "backup_age_seconds", ">", 26 * HOURS, clears=3 * HOURS, says="It was made {duration} ago"),
        ),
    ),
    Rule(
        "budget",
        "The clinic's limit of texts a day is nearly used up",
        "At the limit the clinic's reminders wait for the next day, and may come too late.",
        "Look whether so many texts are right; a manager can raise the limit under When texts may go out.",
        (
            Level("mail", "cap_used_ratio", ">=", 0.80, clears=0.70, says="{percent} of today's are used"),
            Level("page", "cap_waiting", ">", 0, clears=0, says="It is reached; texts that wait: {count}"),
        ),
        mail_told="managers",
        page_told="both",
    ),
    Rule(
        "inbox_old",
        "Patients' texts wait for a person",
        "Somebody asked to move, or could not be understood, and has had no answer for hours.",
        "Open the inbox and answer the oldest first.",
        (
            Level(
                "mail",
                "inbox_open_seconds",
                ">",
                2 * HOURS,
                clears=HOURS,
                says="The oldest has waited for {duration} of opening hours",
                only_open=True,
            ),
        ),
        mail_told="managers",
    ),
)
BY_KEY: Final = {rule.key: rule for rule in RULES}
GRAVER: Final[dict[str, int]] = {"": 0, "mail": 1, "page": 2}
