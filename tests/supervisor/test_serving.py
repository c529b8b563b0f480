"""What stands between the web server and the site: requests arrive whole, or are refused before a thread is taken."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import html5lib
import pytest

ROOT = Path(__file__).parents[2]
SITE = """
import json
from reminder_site.serving import Limit, Served

def site(environ, start_response):
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("as it happens")
    told = {name: value for name, value in environ.items() if isinstance(value, str)}
    told["body"] = environ["wsgi.input"].read().decode()
    with open("asked", "a") as asked:
        asked.write(environ["PATH_INFO"] + "\\\\n")
    start_response("201 Created", [("Content-Type", "text/plain"), ("X-Two", "a"), ("X-Two", "b")])
    return [json.dumps(told).encode()]

served = Served(site, threads=2, limits={"/small": Limit(1_000, 30.0), "/quick": Limit(1_000, 0.5)})
""".replace("\\\\n", "\\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The web server with a small site; yields its port and the folder where the site notes who asked."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "small.py").write_text(SITE)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--no-ws", "--log-level", "error"]
    env = os.environ | {"PYTHONPATH": f"{ROOT}:{folder}"}
    process = subprocess.Popen([*command, "--port", str(port), "small:served"], cwd=folder, env=env)
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port, folder / "asked"
    process.terminate()
    process.wait(20)


def say(server, *pieces, wait=20, close=True):
    """Send pieces of a request and return all that is answered."""
    with socket.create_connection(("127.0.0.1", server[0]), timeout=wait) as line:
        for piece in pieces:
            line.sendall(piece)
        answer = b""
        while close and (more := line.recv(65_536)):
            answer += more
            head, found, body = answer.partition(b"\r\n\r\n")
            if found and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0]):
                break
    return answer


def post(path, length, *headers):
    lines = [f"POST {path} HTTP/1.1", "Host: site.example", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def told(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_request_arrives_as_it_was_sent(server):
    odd = ("Cookie: a=1", "Cookie: b=2", "X-Forwarded-For: 1.2.3.4", "Content-Type: text/x", "X_Forwarded_For: 6.6.6.6")
    answer = say(server, post("/caf%C3%A9%2Fbar?q=%C3%A9", 4, *odd), b"ab", b"cd")
    assert answer.startswith(b"HTTP/1.1 201 ") and answer.count(b"x-two: ") == 2
    found = told(answer)
    assert (found["PATH_INFO"], found["QUERY_STRING"]) == ("/café/bar".encode().decode("latin-1"), "q=%C3%A9")
    assert (found["REQUEST_METHOD"], found["HTTP_HOST"], found["REMOTE_ADDR"]) == ("POST", "site.example", "127.0.0.1")
    assert (found["HTTP_COOKIE"], found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("a=1; b=2", "text/x", "4")
    assert (found["body"], found["HTTP_X_FORWARDED_FOR"]) == ("abcd", "1.2.3.4")


def test_a_body_in_chunks_is_put_together(server):
    head = b"POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = told(say(server, head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"))
    assert (found["body"], found["CONTENT_LENGTH"]) == ("abcde", "5") and "HTTP_TRANSFER_ENCODING" not in found


@pytest.mark.parametrize("path", ["/small", "/small/er"])
def test_too_large_a_body_is_refused_and_the_site_not_asked(server, path):
    answer = say(server, post(path, 1_001), b"x" * 1_001)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"content-security-policy: " in answer
    assert say(server, post(path, 1_000), b"x" * 1_000).startswith(b"HTTP/1.1 201 ")
    assert server[1].read_text().splitlines().count(path) == 1


def test_a_browser_is_refused_by_a_page_and_a_program_by_a_line(server):
    asked = post("/small", 1_001, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
    head, _, body = say(server, asked, b"x" * 1_001).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ") and b"content-type: text/html" in head
    assert b"style-src 'self'" in head and b"style=" not in body
    html5lib.HTMLParser(strict=True).parse(body.decode())
    assert b"<h1>This is more than the site takes at once.</h1>" in body
    plain = say(server, post("/small", 1_001), b"x" * 1_001).partition(b"\r\n\r\n")
    assert b"content-type: text/plain" in plain[0] and plain[2] == b"This is more than the site takes at once.\n"


def test_a_body_that_does_not_come_in_time_is_refused_and_the_site_not_asked(server):
    answer = say(server, post("/quick", 10), b"half")
    assert answer.startswith(b"HTTP/1.1 408 ") and b"connection: close" in answer
    assert not server[1].exists() or "/quick" not in server[1].read_text()


def test_a_body_that_breaks_off_is_never_taken_for_a_whole_one(server):
    for number in range(20):
        say(server, post(f"/small/broken-off/{number}", 10), b"half", close=False)
    for _ in range(20):
        assert told(say(server, post("/after", 0)))["PATH_INFO"] == "/after"
        time.sleep(0.02)
    assert "/small/broken-off" not in server[1].read_text()


def test_more_unfinished_bodies_than_threads_hold_nobody_up(server):
    lines = [socket.create_connection(("127.0.0.1", server[0])) for _ in range(20)]
    for line in lines:
        line.sendall(post("/small", 10) + b"half")
    assert told(say(server, post("/meanwhile", 0)))["PATH_INFO"] == "/meanwhile"
    for line in lines:
        line.close()


def test_a_site_that_stumbles_is_told_of_without_details(server):
    answer = say(server, post("/broken", 0))
    assert answer.startswith(b"HTTP/1.1 500 ") and b"as it happens" not in answer
