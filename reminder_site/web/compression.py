"""Pages go out compressed where the browser takes it: a long day list is 15 times smaller. Knows no page.

Each has a random length of nothing in its gzip header, so that sizes tell nobody what a page holds beside what was
asked for (BREACH); our cookie, which other sites cannot make a browser send along, stands in the way first.
"""

import gzip
import secrets
from io import BytesIO

from flask import Flask, Response, request

LEAST_BYTES = 1_000
LEVEL = 5
MOST_PADDING = 255


def register(app: Flask) -> None:
    """Compress what the site answers."""
    app.after_request(_compressed)


def _compressed(response: Response) -> Response:
    if response.mimetype != "text/html" or response.is_streamed or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    page = response.get_data()
    if len(page) >= LEAST_BYTES and request.accept_encodings["gzip"]:
        response.set_data(_zipped(page))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _zipped(page: bytes) -> bytes:
    held = BytesIO()
    padding = "x" * secrets.randbelow(MOST_PADDING + 1)
    with gzip.GzipFile(filename=padding, mode="wb", compresslevel=LEVEL, fileobj=held, mtime=0) as file:
        file.write(page)
    return held.getvalue()
