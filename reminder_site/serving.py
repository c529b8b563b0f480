"""Takes requests from the web server (RSGI) and hands them to the site (WSGI) once they are complete.

Bodies are read in the event loop, within a size and a time, so that no thread of the site ever waits for a client.
"""

import asyncio
import logging
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

log = logging.getLogger(__name__)
THREADS = 8
MOST_WAITING = 512  # requests for a thread; each holds a body
HEARD_OUT_BYTES = 8 * 1_024 * 1_024  # thrown away as it comes: a browser reads no answer before it has sent all
MOST_OPEN_FILES = 8_192
KILO = 1_024
# Threads and connections were measured: docs/operating.md, "Threads and connections".
SERVER = (
    *("--interface", "rsgi", "--http", "1", "--no-ws"),
    *("--backlog", "4096", "--backpressure", "4096", "--http1-header-read-timeout", "10000"),
    *("--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "error"),
)
Environ = dict[str, Any]
Answer = tuple[int, list[tuple[str, str]], bytes]


def server_command(*, host: str, port: int, workers: int) -> list[str]:
    """Return the command that starts the web server on a host and port, with so many processes."""
    place = ["--host", host, "--port", str(port), "--workers", str(workers)]
    return [sys.executable, "-m", "granian", *SERVER, *place, "wsgi:served"]


class Limit(NamedTuple):
    """How large a body may be, and how long it may take to come in."""

    most_bytes: int
    seconds: float


PAGES = Limit(256 * KILO, 15.0)
LIMITS = {"/webhooks/": Limit(64 * KILO, 10.0), "/m/": Limit(16 * KILO, 15.0)}  # by how an address begins
REFUSALS = {
    400: "The request broke off.",
    408: "The request took too long to come in. Please try again.",
    413: "This is more than the site takes at once.",
    500: "Something went wrong. Please try again.",
    503: "The site is very busy. Please try again in a minute.",
}


# The site is not asked, so this is no template of its; the look comes from the same files.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<title>{words}</title>
<link rel="stylesheet" href="/static/css/tokens.css">
<link rel="stylesheet" href="/static/css/public.css">
</head>
<body>
<header class="top"><div>Appointment reminders</div></header>
<main class="page" id="main">
<h1>{words}</h1>
<section class="sheet">
<p>If you were sending a form, go back in your browser: what you typed should still be there.</p>
</section>
</main>
</body>
</html>
"""


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Served:
    """The site as the web server calls it; `site` is any WSGI application, the rest is called once in each process."""

    def __init__(
        self,
        site: WSGIApplication,
        *,
        threads: int = THREADS,
        limits: dict[str, Limit] | None = None,
        started: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._site, self._limits = site, LIMITS if limits is None else limits
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="site")
        self._waiting = 0
        self._started, self._ended = started, ended

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, and let as many clients in as the machine allows: those who dawdle hold a file each."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_OPEN_FILES)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        self._started()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say that this process ends."""
        self._ended()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(_environ(scope, await self._body(scope, proto)))
        except _Refused as refused:
            answer = _refusal(refused.status, scope.headers.get("accept", ""))
        except Exception:
            log.exception("a request could not be handed to the site")
            answer = _refusal(500, scope.headers.get("accept", ""))
        proto.response_bytes(*answer)

    async def _body(self, scope: Any, proto: Any) -> bytes:
        """Read a body whole, or refuse it: too large, too slow, or broken off."""
        limit = next((limit for start, limit in self._limits.items() if scope.path.startswith(start)), PAGES)
        body, size = bytearray(), 0
        try:
            async with asyncio.timeout(limit.seconds):
                async for chunk in proto:
                    size += len(chunk)
                    if size <= limit.most_bytes:
                        body += chunk
                    elif size > HEARD_OUT_BYTES:
                        break
        except TimeoutError:
            raise _Refused(408) from None
        if size > limit.most_bytes:
            raise _Refused(413)
        if size != int(scope.headers.get("content-length", size)):
            raise _Refused(400)
        return bytes(body)

    async def _answer(self, environ: Environ) -> Answer:
        if self._waiting >= MOST_WAITING:
            raise _Refused(503)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _ask, self._site, environ)
        finally:
            self._waiting -= 1


def _environ(scope: Any, body: bytes) -> Environ:
    server, _, port = scope.server.rpartition(":")
    environ: Environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    return environ | _headers(scope)


def _headers(scope: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope.headers.items():
        if "_" in name or name in {"content-length", "transfer-encoding"}:
            continue  # "X_Forwarded_For" would pass for the proxy's own header
        key = "CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"
        joint = "; " if name == "cookie" else ","
        found[key] = f"{found[key]}{joint}{value}" if key in found else value
    return found


def _ask(site: WSGIApplication, environ: Environ) -> Answer:
    """Have the site answer, on a thread of its own, and gather what it says."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        started.append((status, headers))
        return None

    parts = site(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = started[-1]
    return int(status.partition(" ")[0]), headers, body


def _refusal(status: int, accepted: str = "") -> Answer:
    """Write a refusal as a small page for browsers, and in one line for programs."""
    is_read_by_people = "text/html" in accepted
    kind = "text/html" if is_read_by_people else "text/plain"
    headers = [
        ("content-type", f"{kind}; charset=utf-8"),
        ("content-security-policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
        ("vary", "accept"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ]
    words = REFUSALS[status]
    body = PAGE.format(words=words) if is_read_by_people else f"{words}\n"
    return status, headers, body.encode()
