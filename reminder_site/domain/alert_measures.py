"""What the rules of domain.alerts measure, worked out from the figures of one look. Pure; moments are UTC."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pendulum

# What chance alone brings less often than once in so many looks at unlike hours is no chance.
CHANCE: Final = 1e-5
USUAL_FAILING: Final = 0.02  # of a site that has sent too little to know its own
KNOWN_FROM: Final = 500  # texts, or replies, of four weeks: fewer say little about what is usual
A_FEW_REFUSED: Final = 5
EXPECTED_REPLIES: Final = 10  # that would have had to come in: e^-10 is 1 in 22,000
SHORTEST_SILENCE_SECONDS: Final = 3_600
WORKING_MORNING_SECONDS: Final = 4 * 3_600
HOLD_ENDS_BY_ITSELF_SECONDS: Final = 480


@dataclass(frozen=True)
class Reading:
    """One measured value, of so many; `words` names what stands out; `sure`: it is not chance alone."""

    value: float
    of: int = 0
    words: str = ""
    sure: bool = True


@dataclass(frozen=True)
class Usual:
    """What four weeks had: texts that ended, those that failed, replies, and seconds in which some clinic was open."""

    final: int = 0
    failed: int = 0
    arrived: int = 0
    replies: int = 0
    open_seconds: int = 0

    @property
    def failing(self) -> float:
        """Return the share of texts that fail on ordinary days; a small site's leans on what is usual anywhere."""
        return (self.failed + USUAL_FAILING * KNOWN_FROM) / (self.final + KNOWN_FROM)

    @property
    def reply_share(self) -> float:
        """Return how many replies a text that arrived brings; 0 while too few have come to know."""
        return self.replies / self.arrived if self.arrived >= KNOWN_FROM and self.replies else 0.0

    @property
    def reply_gap_seconds(self) -> float:
        """Return how long, of the time some clinic is open, it takes from one reply to the next."""
        return self.open_seconds / self.replies if self.replies else math.inf


@dataclass(frozen=True)
class OfClinic:
    """The figures of one clinic; `id` is its public id. `inbox_open_seconds`: open hours since the oldest open text."""

    id: str
    cap_used_ratio: float = 0.0
    cap_waiting: int = 0
    inbox_open_seconds: float = 0.0


@dataclass(frozen=True)
class Figures:
    """What one look found; None where nothing is known, which neither begins nor ends an alert.

    `final`, `failed`: texts of the last hour. `left`: texts that left half an hour ago, and after; `receipts` since.
    `arrived_since`: texts that arrived after the last reply, which is `silent_seconds` of open hours ago. `refused`,
    `taken`: webhooks of ten minutes. `host`: the machine that looked, whose disk it is.
    """

    is_open: bool = False
    beat_at: pendulum.DateTime | None = None
    oldest_due_at: pendulum.DateTime | None = None
    final: int = 0
    failed: int = 0
    commonest: str = ""
    left: int = 0
    receipts: int = 0
    arrived_since: int = 0
    silent_seconds: float = 0.0
    usual: Usual = Usual()
    refused: int = 0
    taken: int = 0
    stopped_since: pendulum.DateTime | None = None
    stopped_why: str = ""
    unclear: int = 0
    unclear_since: pendulum.DateTime | None = None
    needs_review: int = 0
    skew_seconds: int = 0
    host: str = ""
    disk_free_ratio: float | None = None
    disk_full_seconds: float | None = None
    backup_at: pendulum.DateTime | None = None
    clinics: tuple[OfClinic, ...] = ()


Readings = Mapping[str, Mapping[str, Reading]]


def readings(found: Figures, now: pendulum.DateTime) -> Readings:
    """Return each measure of the rules by what it is about: a clinic, a machine, or empty for the whole site."""
    of_site = {
        "beat_age_seconds": _age(found.beat_at, now),
        "oldest_due_seconds": _age(found.oldest_due_at, now),
        "failing_ratio": _failing(found),
        "without_receipt": Reading(0 if found.receipts else found.left),
        "silence_ratio": _silence(found),
        "refused": Reading(found.refused),
        "refused_ratio": _ratio(found.refused, found.refused + found.taken),
        "stopped_seconds": _age(found.stopped_since, now, found.stopped_why),
        "needs_review": Reading(found.needs_review),
        "unclear": Reading(found.unclear),
        "unclear_seconds": _age(found.unclear_since, now),
        "skew_seconds": Reading(abs(found.skew_seconds)),
    }
    if found.backup_at is not None:
        of_site["backup_age_seconds"] = _age(found.backup_at, now)
    disk = {"disk_free_ratio": found.disk_free_ratio, "disk_full_seconds": found.disk_full_seconds}
    of_host = {name: {found.host: Reading(value)} for name, value in disk.items() if value is not None}
    of_clinic = {
        name: {each.id: Reading(getattr(each, name)) for each in found.clinics}
        for name in ("cap_used_ratio", "cap_waiting", "inbox_open_seconds")
    }
    return {name: {"": reading} for name, reading in of_site.items()} | of_host | of_clinic


def by_chance(count: int, of: int, share: float) -> float:
    """Return how likely so many or more of `of` are when each is one with a chance of `share` (binomial)."""
    if count <= 0:
        return 1.0
    below = math.fsum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(min(count, of + 1)))
    return max(0.0, 1.0 - below)


def _failing(found: Figures) -> Reading:
    """Return the failing share; few texts of a site with some failures on any day may all be chance."""
    expected = found.final * found.usual.failing
    # Far beyond the usual nothing has to be reckoned, and the exact sum would take long for many texts.
    sure = found.failed > expected + 10 * math.sqrt(expected + 1)
    sure = sure or by_chance(found.failed, found.final, found.usual.failing) < CHANCE
    words = f"{found.failed} of {found.final}"
    words += f", most of them with code {found.commonest}" if found.commonest else ""
    return Reading(found.failed / found.final if found.final else 0.0, found.final, words, sure)


def _silence(found: Figures) -> Reading:
    """Return how many times longer than usual no reply has come in, of so many texts that arrived since the last."""
    usual_gap = found.usual.reply_gap_seconds
    # Six usual gaps, but no less than an hour, and no more than a working morning, make the six of the rule.
    waited = min(max(6 * usual_gap, SHORTEST_SILENCE_SECONDS), WORKING_MORNING_SECONDS) / 6
    expected = found.arrived_since * found.usual.reply_share
    words = f"{found.arrived_since} texts arrived since the last reply"
    return Reading(found.silent_seconds / waited, found.arrived_since, words, expected >= EXPECTED_REPLIES)


def _ratio(part: int, whole: int) -> Reading:
    """Return a share; of a few that anybody looking for holes may have sent nothing can be said."""
    return Reading(part / whole if whole else 0.0, whole, f"{part} of {whole}", sure=part > A_FEW_REFUSED)


def _age(since: pendulum.DateTime | None, now: pendulum.DateTime, words: str = "") -> Reading:
    return Reading(max(0.0, (now - since).total_seconds()) if since else 0.0, words=words)
