"""The socket: headers, kept connections, broken requests, the clock in the Date header, and many clients at once."""

import socket
import threading
from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.conftest import START, sdk


def speak(sandbox, request):
    """Send raw bytes and give all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rsplit(":", 1)[1])), timeout=10) as line:
        line.sendall(request)
        answer = b""
        while data := line.recv(65_536):
            answer += data
    return answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_hung_up_on(sandbox, request_bytes):
    assert speak(sandbox, request_bytes).startswith(b"HTTP/1.1 400 ")


def test_two_requests_in_one_packet_get_two_answers(sandbox):
    one = b"GET /_sandbox/idle HTTP/1.1\r\nHost: localhost\r\n"
    answer = speak(sandbox, one + b"\r\n" + one + b"Connection: close\r\n\r\n")
    assert answer.count(b'{"idle":true}') == 2


def test_an_answer_carries_the_sandboxs_time_and_a_request_id(sandbox):
    message = sandbox.messages.create_with_http_info("+12025550123", body="x", messaging_service_sid="MG" + "5a" * 16)
    assert parsedate_to_datetime(message.headers["Date"]) == START
    assert message.headers["Twilio-Request-Id"].startswith("RQ")
    assert message.headers["Content-Type"] == "application/json"


def test_an_unknown_path_and_a_wrong_method_are_told_apart(sandbox):
    assert speak(sandbox, b"GET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 404 ")
    assert speak(sandbox, b"PUT / HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 405 ")


def test_many_clients_at_once_lose_and_double_nothing(sandbox, listener):
    def work(number):
        client = sdk(sandbox.url)
        for index in range(25):
            client.messages.create(
                "+12025550123", body=f"{number}-{index}", messaging_service_sid="MG" + "5a" * 16,
                status_callback=listener.url,
            )  # fmt: skip
        client.http_client.session.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sandbox.settle()
    texts = sandbox.held("?status=delivered")
    assert len(texts) == len({text["body"] for text in texts}) == 200
    assert all(listener.statuses(text["sid"]) == ["queued", "sent", "delivered"] for text in texts)


@pytest.mark.parametrize(
    ("host", "status"), [("attacker.example", 421), ("127.0.0.1.nip.io:8001", 421), ("LOCALHOST:8001", 200)]
)
def test_only_its_own_names_are_answered(sandbox_server, host, status):
    with socket.create_connection(("127.0.0.1", sandbox_server.port), timeout=5) as line:
        line.sendall(f"GET /_sandbox/idle HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert line.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
