"""What /metrics tells, as Prometheus reads it: the database's truth at the scrape, and this process's request times.

No label names a person, a number or an address, and none can grow without end; a clinic goes by its public id.
"""

import hmac
import ipaddress
import os
from collections.abc import Iterator
from typing import Any, Final

from flask import Flask, current_app, request
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from reminder_site.config import BadSetting, settings
from reminder_site.web import metric_families as families

SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"  # the library's own: where several processes keep their counts
FORWARDED: Final = ("X-Forwarded-For", "Forwarded")


class _OfTheDatabase(Collector):
    """Asks the database at each scrape; one that does not answer is told as such."""

    def collect(self) -> Iterator[Metric]:
        yield from families.of_the_site()


def register(app: Flask) -> None:
    """Give this process its own counts; where several share a folder, each answers for all."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    if (folder := os.environ.get(SHARED_FOLDER)) and not os.path.isdir(folder):
        raise BadSetting(f"{SHARED_FOLDER} must be a folder that exists, and be emptied at each start")
    registry = CollectorRegistry()
    labels = ("route", "method", "status")
    words = "How long requests took, by route, method and class of status."
    app.extensions["request_seconds"] = Histogram(
        "reminder_http_request_seconds", words, labels, registry=registry, buckets=SECONDS
    )
    registry.register(_OfTheDatabase())
    app.extensions["metrics"] = registry


def note_request(status: int, seconds: float) -> None:
    """Count a request that has been answered."""
    times: Histogram = current_app.extensions["request_seconds"]
    method = request.method if request.method in METHODS else "other"
    times.labels(request.endpoint or "none", method, f"{status // 100}xx").observe(seconds)


def written() -> tuple[bytes, str]:
    """Return all of it, and its content type, in the form that was asked for."""
    registry: CollectorRegistry = current_app.extensions["metrics"]
    if os.environ.get(SHARED_FOLDER):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        registry.register(_OfTheDatabase())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return encode(registry), content_type


def may_read() -> bool:
    """Say whether whoever asks is on this machine itself, or shows the token."""
    token, shown = settings().metrics_token, request.authorization
    if token and shown is not None and shown.type == "bearer":
        return hmac.compare_digest((shown.token or "").encode(), token.encode())
    return _is_here()


def _is_here() -> bool:
    """Tell a program on this machine from somebody whom a proxy on this machine lets through.

    Both addresses count: the one that a trusted proxy names, and the one the request came from. A header that no
    trusted proxy has set shows that one stands in front all the same.
    """
    before_proxies: dict[str, Any] = request.environ.get("werkzeug.proxy_fix.orig") or {}
    came_from = before_proxies.get("REMOTE_ADDR", request.remote_addr)
    forwarded = any(name in request.headers for name in FORWARDED)
    if forwarded and not settings().trusted_proxies:
        return False
    return _is_loopback(request.remote_addr) and _is_loopback(came_from)


def _is_loopback(address: str | None) -> bool:
    try:
        found = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
