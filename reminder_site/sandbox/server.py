"""The server: sockets, a thread for each connection, one write for each response, and mishaps that need the socket."""

import contextlib
import logging
import socket
import socketserver
import struct
import threading
from pathlib import Path
from typing import Any

from reminder_site.sandbox.clock import http_date
from reminder_site.sandbox.exchange import Exchange
from reminder_site.sandbox.identity import Identity
from reminder_site.sandbox.routes import answer
from reminder_site.sandbox.wire import BadRequest, Request, Response, as_json, read_request

log = logging.getLogger(__name__)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(socketserver.StreamRequestHandler):
    """One client's connection, kept open between requests."""

    disable_nagle_algorithm = True
    server: "Listener"

    def handle(self) -> None:
        """Answer requests until the client leaves or the connection has to be closed."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            while (request := self._next()) is not None and self._answer(request):
                pass

    def _next(self) -> Request | None:
        try:
            return read_request(self.rfile)
        except BadRequest as error:
            response = as_json({"error": str(error)}, 400)
            response.close = True
            self.connection.sendall(response.to_bytes())
            return None

    def _answer(self, request: Request) -> bool:
        try:
            response = answer(self.server.exchange, request)
        except Exception:  # a fault of the sandbox must show as one, not as a dead connection
            log.exception("the sandbox failed on %s %s", request.method, request.path)
            response = as_json({"error": "the sandbox itself failed; see its log"}, 500)
        response.headers["Date"] = http_date(self.server.exchange.clock.now())
        response.close = response.close or request.headers.get("connection", "").lower() == "close"
        try:
            self._write(response, body=request.method != "HEAD")
        finally:
            if response.after:
                response.after()
        return not response.close and not response.mishap

    def _write(self, response: Response, *, body: bool) -> None:
        if response.mishap == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            return
        data = response.to_bytes()
        if response.mishap == "truncate":
            data = data[: len(data) - len(response.body) // 2]
        self.connection.sendall(data if body else data[: len(data) - len(response.body)])


class Listener(socketserver.ThreadingTCPServer):
    """The listening socket and the connections that came of it."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], exchange: Exchange) -> None:
        self.exchange = exchange
        self._open: set[socket.socket] = set()
        super().__init__(address, Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection in a thread of its own."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; one that is to be reset must not be shut down politely first."""
        self._open.discard(request)
        linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET_ON_CLOSE))
        if linger == RESET_ON_CLOSE:
            request.close()
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        """Cut every open connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class SandboxServer:
    """The sandbox, listening on the loopback interface in a thread; `port=0` takes a free one."""

    def __init__(
        self,
        port: int = 0,
        db: str | Path = ":memory:",
        *,
        who: Identity | None = None,
        host: str = "127.0.0.1",
        pace_s: float = 0.0,
        zone: str = "UTC",
    ) -> None:
        self.exchange = Exchange(db, who, pace_s=pace_s, zone=zone)
        try:
            self._listener = Listener((host, port), self.exchange)
        except OSError:
            self.exchange.store.close()
            raise
        self.port: int = self._listener.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> "SandboxServer":
        """Begin to answer."""
        self.exchange.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering, cut what is open and close the file."""
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.hang_up()
        self.exchange.stop()

    def __enter__(self) -> "SandboxServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
