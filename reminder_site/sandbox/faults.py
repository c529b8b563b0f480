"""The switchboard of troubles: which requests fail and how, how carriers treat numbers, how callbacks go astray.

Decides only; the server, the dispatcher and the callbacks act on it. Every choice comes from one seeded generator.
"""

import random
import threading
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, get_args, get_origin

BEFORE = {
    "error_before": "500 without accepting",
    "reset_before": "connection reset without accepting",
    "rate_limit_429": "429 Too Many Requests",
    "html_503": "503 with an HTML page",
    "unauthorised": "401, code 20003",
    "sender_missing": "400, code 21701: the Messaging Service is not there",
    "late_accept": "accepted only after a pause of `seconds`",
}
AFTER = {
    "error_after": "accepted, but answered 500",
    "reset_after": "accepted, then the connection is reset",
    "garbage_201": "accepted, answered 201 with a page instead of JSON",
    "truncated_201": "accepted, the answer breaks off half-way",
    "no_sid_201": "accepted, answered 201 with JSON that names no SID",
    "slow_then_ok": "accepted at once, answered after `seconds`",
}
KINDS = BEFORE | AFTER
OPERATIONS = ("create", "fetch", "list", "list_new", "update", "delete", "other", "any")
CARRIER_CODES = {"delivered": None, "sent": None, "undelivered": 30003, "failed": 30008}


class BadSwitchboard(ValueError):
    """The wanted switchboard says something that it cannot mean; the text tells what."""


@dataclass(slots=True)
class Rule:
    """One trouble: what happens, to which requests, how often. `next` counts down and ends the rule at none."""

    kind: str
    on: str = "create"
    probability: float = 1.0
    next: int | None = None
    to: str | None = None
    seconds: float = 30.0
    retry_after: int | None = None


@dataclass(slots=True)
class CallbackTroubles:
    """How likely each callback, or webhook of a patient's text, goes astray; `late_s`: the longest machine seconds."""

    early: float = 0.0
    late: float = 0.0
    lost: float = 0.0
    doubled: float = 0.0
    shuffled: float = 0.0
    late_s: float = 5.0
    inbound_lost: float = 0.0


@dataclass(slots=True)
class CarrierResult:
    """How a carrier ends the texts to a number; without a code, the usual one of that status."""

    status: str
    error_code: int | None = None


@dataclass(slots=True)
class Settings:
    """Everything on the switchboard. The defaults are a Twilio on which nothing goes wrong."""

    seed: int = 1
    latency_ms: float = 0.0
    rules: list[Rule] = field(default_factory=list)
    callbacks: CallbackTroubles = field(default_factory=CallbackTroubles)
    carrier: dict[str, CarrierResult] = field(default_factory=dict)
    scheduled_cap: int = 500_000
    list_staleness_s: float = 0.0
    pace_s: float = 0.0
    optout_sync: bool = False
    advanced_opt_out: bool = False
    opt_out_words: dict[str, str] = field(default_factory=dict)
    lenient_send_at: bool = False
    schedule_needs_service: bool = False
    validity_from_creation: bool = False
    account_status: str = "active"
    campaign_status: str = "VERIFIED"
    brand_status: str = "APPROVED"
    tollfree_status: str = "TWILIO_APPROVED"


class Switchboard:
    """The settings in force, the generator that draws from them, and a tally of what was done."""

    def __init__(self, pace_s: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._default_pace_s = pace_s
        self.clear()

    def clear(self) -> None:
        """Let everything go well again."""
        self.put({})

    def put(self, wanted: dict[str, Any]) -> None:
        """Replace the whole switchboard; what is not named takes its default. Raises BadSwitchboard."""
        settings = _settings({"pace_s": self._default_pace_s} | {k: v for k, v in wanted.items() if k != "fired"})
        with self._lock:
            self.settings = settings
            self._random = random.Random(settings.seed)  # noqa: S311 (repeatable on purpose)
            self._fired: Counter[str] = Counter()

    def as_json(self) -> dict[str, Any]:
        """Give the whole switchboard, and under `fired` how often each trouble struck."""
        with self._lock:
            return asdict(self.settings) | {"fired": dict(self._fired)}

    def strike(self, operation: str, recipient: str | None) -> Rule | None:
        """Draw the trouble, if any, that this request meets."""
        if not self.settings.rules:
            return None
        with self._lock:
            for rule in self.settings.rules:
                if not _concerns(rule, operation, recipient) or not self._drawn(rule.probability):
                    continue
                if rule.next is not None:
                    rule.next -= 1
                self._fired[rule.kind] += 1
                return rule
        return None

    def chance(self, trouble: str) -> bool:
        """Draw whether a callback meets a trouble (a field of CallbackTroubles)."""
        probability = getattr(self.settings.callbacks, trouble)
        if not probability:
            return False
        with self._lock:
            drawn = self._drawn(probability)
            self._fired[f"callback_{trouble}"] += drawn
            return drawn

    def delay_s(self, longest_s: float) -> float:
        """Draw a delay up to a longest one, in machine seconds."""
        with self._lock:
            return self._random.uniform(longest_s / 4, longest_s)

    def carrier_result(self, recipient: str) -> tuple[str, int | None]:
        """Tell how a carrier ends a text to this number: the final status and its error code."""
        carrier = self.settings.carrier
        result = carrier.get(recipient) or carrier.get("*") or CarrierResult("delivered")
        return result.status, result.error_code or CARRIER_CODES[result.status]

    def treat(self, recipient: str, status: str) -> None:
        """Choose how carriers end the texts to one number, and leave the rest of the switchboard as it is."""
        self.settings.carrier[recipient] = CarrierResult(status)

    def _drawn(self, probability: float) -> bool:
        return probability >= 1 or self._random.random() < probability


def _concerns(rule: Rule, operation: str, recipient: str | None) -> bool:
    if rule.next is not None and rule.next <= 0:
        return False
    return rule.on in (operation, "any") and rule.to in (None, recipient)


def _settings(wanted: dict[str, Any]) -> Settings:
    values = dict(wanted)
    rules, carrier = values.get("rules", []), values.get("carrier", {})
    if not isinstance(rules, list) or not isinstance(carrier, dict):
        raise BadSwitchboard("rules is a list, carrier a JSON object by number")
    values["rules"] = [_built(Rule, rule) for rule in rules]
    values["carrier"] = {number: _built(CarrierResult, result) for number, result in carrier.items()}
    values["callbacks"] = _built(CallbackTroubles, values.get("callbacks", {}))
    settings: Settings = _built(Settings, values)
    for rule in settings.rules:
        if rule.kind not in KINDS or rule.on not in OPERATIONS:
            raise BadSwitchboard(
                f"a rule's kind is one of {', '.join(KINDS)}; its on is one of {', '.join(OPERATIONS)}"
            )
    if unknown := {result.status for result in settings.carrier.values()} - set(CARRIER_CODES):
        raise BadSwitchboard(f"a carrier result is one of {', '.join(CARRIER_CODES)}, not {', '.join(unknown)}")
    return settings


def _built(kind: type[Any], values: Any) -> Any:
    if not isinstance(values, dict):
        raise BadSwitchboard(f"{kind.__name__} is a JSON object")
    known = {entry.name: entry for entry in fields(kind)}
    if unknown := set(values) - set(known):
        raise BadSwitchboard(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    for name, value in values.items():
        if not _fits(value, known[name].type):
            raise BadSwitchboard(f"{name} cannot be {value!r}")
    try:
        return kind(**values)
    except TypeError as error:
        raise BadSwitchboard(str(error)) from error


def _fits(value: Any, wanted: Any) -> bool:
    kinds = get_args(wanted) if isinstance(wanted, UnionType) else (get_origin(wanted) or wanted,)
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, int | float):
        return value >= 0 and (type(value) in kinds or float in kinds)
    return isinstance(value, kinds)
