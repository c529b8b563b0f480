"""One HTTP exchange: whether the first byte has left is always known, and a line that broke is never used again."""

import contextlib
import os
import re
import resource
import socket
import threading
import time

import pytest

from reminder_site.gateways.wire import MAX_ANSWER_BYTES, NotSent, Unclear, Wire

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Mon, 02 Nov 2026 14:00:00 GMT\r\nRetry-After: 7\r\n\r\nok"


class Server:
    """A server that does what its script says for each connection: a list of (read a request?, answer, then)."""

    pause_seconds = 0

    def __init__(self, *script):
        self.script, self.seen, self.connections = list(script), [], 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/a?b=c"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        for answers in self.script:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with line, contextlib.suppress(ConnectionError):  # whoever gives up hangs up
                self._speak(line, answers)

    def _speak(self, line, answers):
        time.sleep(self.pause_seconds)
        line.settimeout(5)
        for answer in answers:
            asked = bytearray(more := line.recv(65536))
            while more and not whole(asked):
                asked += (more := line.recv(65536))
            if not more:
                return
            self.seen.append(bytes(asked))
            if callable(answer):
                answer(line)
            else:
                line.sendall(answer)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for a connection
        self.socket.close()
        self.thread.join(5)


def whole(asked):
    """Say whether a request has come in with all of its body."""
    head, _, body = asked.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    return b"\r\n\r\n" in asked and len(body) >= int(length[1] if length else 0)


@contextlib.contextmanager
def serving(*script):
    server = Server(*script)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def wire():
    wire = Wire(read_seconds=0.4, idle_seconds=5)
    yield wire
    wire.close()


def post(wire, server, **more):
    return wire.exchange("POST", server.url, body=b"x=1", headers={"A": "b"}, **more)


def test_an_answer_comes_back_with_its_headers_in_lower_case(wire):
    with serving([OK]) as server:
        reply = post(wire, server)
    assert (reply.status, reply.text) == (200, "ok")
    assert reply.headers["date"] == "Mon, 02 Nov 2026 14:00:00 GMT"
    assert reply.headers["retry-after"] == "7"
    assert server.seen[0].startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert server.seen[0].endswith(b"\r\n\r\nx=1")


def test_a_closed_fence_lets_no_byte_leave_though_the_line_is_up(wire):
    with serving([OK], [OK]) as server:
        with pytest.raises(NotSent, match="fence"):
            post(wire, server, may_leave=lambda: False)
        post(wire, server, may_leave=lambda: True)
    assert len(server.seen) == 1


def test_the_fence_is_asked_once_and_only_when_the_line_is_up(wire):
    with serving([OK]) as server:
        asked = []
        post(wire, server, may_leave=lambda: asked.append(server.connections) or True)
        assert len(asked) == 1
    server.close()
    with pytest.raises(NotSent):
        wire.exchange("POST", "http://127.0.0.1:9/", body=b"", headers={}, may_leave=lambda: asked.append(0) or True)
    assert len(asked) == 1


@pytest.mark.parametrize(("header", "why"), [("two\nlines", "line break"), ("déjà vu…", "Latin-1")])
def test_nothing_is_left_to_be_made_once_the_fence_was_asked(wire, header, why):
    broken, asked = {"Authorization": header}, []
    with serving() as server, pytest.raises(NotSent, match=why):
        wire.exchange("POST", server.url, body=b"", headers=broken, may_leave=lambda: asked.append(1) or True)
    assert (asked, server.seen) == ([], [])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://nowhere.invalid/", "https://127.0.0.1:9/"], ids=["refused", "name", "tls"]
)
def test_what_could_not_be_reached_was_not_sent(wire, url):
    with pytest.raises(NotSent):
        wire.exchange("POST", url, body=b"", headers={})


def test_a_failed_handshake_was_not_sent(wire):
    with serving([b"this is no TLS\r\n"]) as server, pytest.raises(NotSent):
        wire.exchange("POST", server.url.replace("http:", "https:"), body=b"", headers={})


def hang_up(line):
    line.close()


def reset(line):
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    line.close()


def stay_silent(line):
    with contextlib.suppress(OSError):
        line.recv(1)


def half_an_answer(line):
    line.sendall(OK.replace(b"Content-Length: 2", b"Content-Length: 200"))
    line.close()


def no_http(line):
    line.sendall(b"220 mail ready\r\n")
    line.close()


@pytest.mark.parametrize("mishap", [hang_up, reset, stay_silent, half_an_answer, no_http], ids=lambda f: f.__name__)
def test_after_the_first_byte_a_broken_line_is_unclear_and_is_not_used_again(wire, mishap):
    with serving([mishap], [OK]) as server:
        with pytest.raises(Unclear):
            post(wire, server)
        assert post(wire, server).status == 200
        assert server.connections == 2
    assert len(server.seen) == 2


def test_an_answer_that_trickles_beyond_the_time_out_is_unclear(wire):
    def trickle(line):
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(12):
                line.sendall(b"x")
                time.sleep(0.1)

    with serving([trickle]) as server, pytest.raises(Unclear):
        post(wire, server)


SLOWLY = {
    "header": b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 20 + b"\r\nContent-Length: 0\r\n\r\n",
    "first line": b"HTTP/1.1 200 " + b"O" * 20 + b"K\r\nContent-Length: 0\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5 + b"0\r\n\r\n",
}


@pytest.mark.parametrize("part", SLOWLY)
def test_the_time_out_is_the_whole_calls_however_little_comes_at_a_time(wire, part):
    def drip(line):
        with contextlib.suppress(OSError):
            for number in range(len(SLOWLY[part])):
                line.sendall(SLOWLY[part][number : number + 1])
                time.sleep(0.05)

    with serving([drip], [OK]) as server:
        with pytest.raises(Unclear, match="TimeoutError"):
            post(wire, server)
        assert post(wire, server).status == 200


def test_the_time_out_is_for_sending_and_reading_together():
    def answer_late(line):
        time.sleep(0.8)
        with contextlib.suppress(OSError):
            line.sendall(OK)

    with serving([answer_late]) as server:
        wire, server.pause_seconds = Wire(read_seconds=1), 0.6
        with pytest.raises(Unclear):
            wire.exchange("POST", server.url, body=b"x" * 2**23 + b"x=1", headers={})
        wire.close()


def test_a_long_answer_and_a_long_question_come_through_whole():
    wire, asked, told = Wire(read_seconds=30), b"y" * 2**24 + b"x=1", b"z" * 2**21
    with serving([OK.replace(b"Content-Length: 2", b"Content-Length: %d" % (2 + len(told))) + told]) as server:
        server.pause_seconds = 0.1
        reply = wire.exchange("POST", server.url, body=asked, headers={})
        wire.close()
    assert reply.text == "ok" + told.decode()
    assert server.seen[0].endswith(b"\r\n\r\n" + asked)


def test_a_server_that_does_not_read_on_is_given_up_as_soon_as_one_that_does_not_answer(wire):
    """It reads on and answers after a second: later than the read time-out, earlier than the one for connecting."""
    server = socket.create_server(("127.0.0.1", 0))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def read_late():
        line, _ = server.accept()
        with line, contextlib.suppress(OSError):
            given_up.wait(1)
            missing = len(body)
            while missing > 0 and (read := line.recv(1 << 20)):
                missing -= len(read)
            line.sendall(OK)

    body, given_up = b"x" * (1 << 26), threading.Event()
    reader = threading.Thread(target=read_late, daemon=True)
    reader.start()
    with pytest.raises(Unclear, match="TimeoutError"):
        wire.exchange("POST", f"http://127.0.0.1:{server.getsockname()[1]}/", body=body, headers={})
    given_up.set()
    reader.join(5)
    server.close()


def test_an_answer_longer_than_any_of_twilios_is_unclear():
    wire = Wire(read_seconds=5)
    many = MAX_ANSWER_BYTES + 65_536
    long = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % many + b"x" * many
    with serving([long]) as server, pytest.raises(Unclear):
        post(wire, server)
    wire.close()


def test_one_line_serves_many_requests(wire):
    with serving([OK] * 5) as server:
        for _ in range(5):
            post(wire, server)
    assert (server.connections, len(server.seen)) == (1, 5)


@pytest.fixture
def many_files():
    """So many open files that the next one has a number beyond what select() can take."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 4096), before[1]))
    files = [os.open(os.devnull, os.O_RDONLY)]
    while files[-1] < 1100:
        files.append(os.dup(files[0]))
    yield
    for file in files:
        os.close(file)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_line_is_kept_however_many_files_are_open(many_files, wire):
    with serving([OK] * 2) as server:
        for _ in range(2):
            assert post(wire, server).status == 200
    assert server.connections == 1


def test_an_idle_line_is_dropped_before_it_can_break():
    with serving([OK], [OK]) as server:
        wire = Wire(read_seconds=1, idle_seconds=0)
        post(wire, server)
        post(wire, server)
        wire.close()
    assert server.connections == 2


def test_a_line_the_other_side_let_go_is_noticed_before_a_byte_leaves(wire):
    def answer_and_leave(line):
        line.sendall(OK)
        line.close()

    with serving([answer_and_leave], [OK]) as server:
        post(wire, server)
        server.thread.join(0.05)
        assert post(wire, server).status == 200
    assert (server.connections, len(server.seen)) == (2, 2)


def test_a_line_to_be_closed_is_not_kept(wire):
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with serving([closing], [closing]) as server:
        post(wire, server)
        post(wire, server)
    assert server.connections == 2


def test_closing_a_line_discards_what_has_not_left(wire):
    with serving([OK]) as server:
        post(wire, server)
        (line,) = wire._open_lines().values()
        linger = line.connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
    assert linger == b"\x01\0\0\0\0\0\0\0"
