"""The names of /metrics, their kinds, labels and words. Every known set of labels stands there from the start."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, product
from typing import Any, Final

import pendulum
from flask import current_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from reminder_site.config import VERSION, settings
from reminder_site.domain import message_state as states
from reminder_site.domain import tallies
from reminder_site.domain.tallies import Counts, label_of
from reminder_site.gateways.disk import room
from reminder_site.queries import metrics
from reminder_site.queries import tallies as counted
from reminder_site.web.now import now

HERE: Final = tuple(state for state in states.STATES if state not in states.SETTLED)
Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily
# Counters of what is counted: its name, words, what is counted (domain.tallies), labels, and the sets that are known.
COUNTERS: Final[tuple[tuple[str, str, str, tuple[str, ...], tuple[tuple[str, ...], ...]], ...]] = (
    ("messages", "Texts that came to a state, each once.", tallies.TEXTS, ("kind", "state"),
     tuple(product(tallies.KINDS, states.STATES))),
    ("twilio_requests", "Texts handed to Twilio, by what came of it.", tallies.REQUESTS,
     ("operation", "outcome"), tuple(("create", outcome) for outcome in tallies.OUTCOMES)),
    ("twilio_refusals", "Texts that Twilio did not take, by its code.", tallies.REFUSED_BY_TWILIO, ("code",), ()),
    ("segments", "Segments of texts that Twilio took.", tallies.SEGMENTS, ("kind",),
     tuple((kind,) for kind in tallies.KINDS)),
    ("receipts", "Receipts by Twilio's status.", tallies.RECEIPTS, ("status",),
     tuple((status,) for status in (*states.RANK, tallies.OTHER))),
    ("webhooks_refused", "Webhooks that were refused.", tallies.REFUSED, ("door", "reason"),
     tuple(product(tallies.REFUSAL_DOORS, tallies.REFUSAL_REASONS))),
    ("inbound", "Patients' texts by how they were understood.", tallies.INBOUND, ("understood",),
     tuple((kind,) for kind in tallies.UNDERSTOOD)),
    ("sign_ins", "Tries to sign in.", tallies.SIGN_IN, ("result",), tuple((each,) for each in tallies.SIGN_INS)),
)  # fmt: skip
HISTOGRAMS: Final[tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("twilio_request_seconds", "From the decision to Twilio's answer.", tallies.REQUEST_SECONDS, (), ("",)),
    ("handover_delay_seconds", "How long after its time a text was taken.", tallies.HANDOVER_SECONDS, ("lane",),
     tallies.LANES),
    ("receipt_delay_seconds", "How long after a text had left it arrived.", tallies.RECEIPT_SECONDS, (), ("",)),
)  # fmt: skip


def of_the_site() -> Iterator[Metric]:
    """Ask the database, and this machine's disk, and give what they tell; a database that is away is told as such."""
    yield _gauge("build_info", "Always 1; the version that runs.", ("version",), {(VERSION,): 1})
    free, total = room(settings().data_path)
    yield _gauge("disk_free_bytes", "Free on the disk of this machine's data folder.", (), {(): free})
    yield _gauge("disk_total_bytes", "The size of that disk.", (), {(): total})
    yield _gauge("workers_expected", "Workers that should be running.", (), {(): settings().workers_expected})
    try:
        found = [*_gauges(metrics.standing(now=now())), *_counts(counted.counted(now=now()))]
    except Exception:
        current_app.logger.exception("the database could not be asked for /metrics")
        found = []
    yield _gauge("database_up", "Whether the database answered.", (), {(): float(bool(found))})
    yield from found


def _gauges(found: metrics.Standing) -> Iterator[Metric]:
    lanes = {(lane, state): found.outbox.get((lane, state), 0) for lane, state in product(tallies.LANES, HERE)}
    yield _gauge("outbox_messages", "Texts on their way, by lane and state.", ("lane", "state"), lanes)
    oldest = {(lane,): age for lane, age in found.oldest_due.items()}
    yield _gauge("outbox_oldest_due_seconds", "How long the oldest text waits past its time.", ("lane",), oldest)
    stopped = {(reason,): float(found.stopped[reason]) for reason in metrics.REASONS}
    yield _gauge("circuit_open", "Whether texts wait, by why.", ("reason",), stopped)
    caps = {(clinic,): share for clinic, share in found.caps.items()}
    yield _gauge("cap_used_ratio", "How much of its limit a clinic has used up today.", ("clinic",), caps)
    for name, words, value in _plain(found):
        yield _gauge(name, words, (), {} if value is None else {(): value})


def _plain(found: metrics.Standing) -> Iterable[tuple[str, str, float | None]]:
    return (
        ("throttle_ratio", "How fast texts may leave, 1 being at full rate.", found.throttle),
        ("unknown_oldest_seconds", "Since when the oldest unclear text is unclear.", found.unknown_oldest),
        ("needs_review", "Texts that wait for a person.", found.needs_review),
        ("inbox_open", "Patients' texts that wait for a person.", found.inbox_open),
        ("inbox_oldest_seconds", "How long the oldest of them waits.", found.inbox_oldest),
        ("clock_skew_seconds", "How far this machine's clock is ahead of Twilio's.", found.clock_skew),
        ("workers_seen", "Workers that looked at the outbox in the last minute.", found.workers_seen),
        ("inbound_last_timestamp_seconds", "When a patient last texted.", _stamp(found.last_inbound_at)),
        ("worker_beat_timestamp_seconds", "When a worker last looked at the outbox.", _stamp(found.beat_at)),
        ("backup_last_timestamp_seconds", "When the last backup was made.", _stamp(found.backup_at)),
    )


def _counts(found: Counts) -> Iterator[Metric]:
    for name, words, what, labels, known in COUNTERS:
        values = dict.fromkeys(known, 0.0) | {
            tuple(label.split(tallies.SEPARATOR)): count for (each, label), count in found.items() if each == what
        }
        family = CounterMetricFamily(f"reminder_{name}", words, labels=labels)
        for label_values, count in values.items():
            family.add_metric(label_values, count)
        yield family
    for name, words, what, labels, places in HISTOGRAMS:
        yield _histogram(name, words, what, labels, places, found)


def _histogram(
    name: str, words: str, what: str, labels: tuple[str, ...], known: tuple[str, ...], found: Counts
) -> Metric:
    family = HistogramMetricFamily(f"reminder_{name}", words, labels=labels)
    bounds = [*(str(float(bound)) for bound in tallies.BOUNDS[what]), "+Inf"]
    for label in known:
        heights = accumulate(found[what, label_of(label, str(place))] for place in range(len(bounds)))
        family.add_metric([label] if labels else [], list(zip(bounds, heights, strict=True)),
                          sum_value=found[what, label_of(label, tallies.SUM)])  # fmt: skip
    return family


def _gauge(name: str, words: str, labels: tuple[str, ...], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(f"reminder_{name}", words, labels=labels)
    for label_values, value in values.items():
        family.add_metric(label_values, value)
    return family


def _stamp(at: pendulum.DateTime | None) -> float | None:
    return at.timestamp() if at is not None else None
