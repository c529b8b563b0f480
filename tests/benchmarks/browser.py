"""A browser on one kept-alive connection that counts milliseconds and the bytes on the wire."""

import gzip
import http.client
import re
import time
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.factories import PASSWORD

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """Somebody at the desk."""

    def __init__(self, port):
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies, self.token = {}, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._line.close()

    def sign_in(self, email):
        """Sign in through the page."""
        self.get("/sign-in")
        self.post("/sign-in", expect=(302, 303), email=email, password=PASSWORD)
        self.get("/")

    def get(self, path):
        """Open a page; return its text, the seconds it took and its bytes on the wire."""
        return self._ask("GET", path, None, (200,))

    def post(self, path, expect=(200,), **form):
        """Send a form with this session's token; return the same."""
        return self._ask("POST", path, urlencode({"csrf_token": self.token, **form}), expect)

    def _ask(self, method, path, body, expect):
        headers = {"Accept-Encoding": "gzip", "Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        data = answer.read()
        seconds = time.perf_counter() - began
        if answer.status not in expect:
            raise RuntimeError(f"{method} {path} answered {answer.status}")
        for line in answer.headers.get_all("Set-Cookie") or ():
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        wire = len(data)
        page = gzip.decompress(data) if answer.headers.get("Content-Encoding") == "gzip" else data
        text = page.decode("utf-8", "replace")
        if found := TOKEN.search(text):
            self.token = found[1]
        return text, seconds, wire
